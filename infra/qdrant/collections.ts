import type { QdrantClient, Schemas } from "@qdrant/js-client-rest";
import {
  aliasesOf,
  collectionsOf,
  DISTANCE,
  hnsw,
  payloadIndexes,
  type Place,
  problemsOf,
} from "../../functions/qdrant-projector/collections.ts";
import { qdrantStore } from "../../functions/qdrant-projector/qdrant.ts";
import { connect, type Server } from "../../kit/qdrant/connect.ts";
import { type PointKind, pointKinds } from "../../kit/qdrant/names.ts";

/** Making an index reads all points of its collection, so a large one takes its time; ms. */
const CREATE_MS = 600_000;
const CHECK_MS = 30_000;

/**
 * Makes the collections that the projector refuses to start without, and points the aliases that do not
 * exist yet at them; does nothing where all stands. Rejects if the server cannot be reached, or if a
 * collection of that name is another than it must be.
 */
export async function applyCollections(server: Server, place: Place): Promise<void> {
  // Says at once, and in words, that the server cannot be reached or refuses the key.
  await problemsWith(server, place);
  const client = connect(server, CREATE_MS);
  const collections = collectionsOf(place);
  for (const kind of pointKinds) {
    const collection = collections[kind];
    await make(client, collection, {
      vectors: { size: place.dimensions, distance: DISTANCE },
      hnsw_config: hnsw,
    });
    for (const [field, type] of Object.entries(payloadIndexes[kind])) {
      // Nothing, where the same index stands.
      await client.createPayloadIndex(collection, {
        field_name: field,
        field_schema: field === "tenant_id" ? { type: "keyword", is_tenant: true } : type,
        wait: true,
      });
    }
  }
  const problems = await problemsWith(server, place);
  if (problems.length > 0) {
    throw new Error(
      `Qdrant has something else under these names: it lacks ${problems.join("; ")}.`,
    );
  }
  const standing = await readAliases(client, place.prefix);
  const missing = pointKinds.filter((kind) => standing[kind] === undefined);
  if (missing.length > 0) await moveAliases(client, place, missing);
}

/** What is missing, one line each. */
export async function problemsWith(server: Server, place: Place): Promise<string[]> {
  const store = qdrantStore(server);
  const collections = collectionsOf(place);
  const signal = AbortSignal.timeout(CHECK_MS);
  const problems = pointKinds.map(async (kind) =>
    problemsOf(kind, collections[kind], await store.inspect(collections[kind], signal), place),
  );
  return (await Promise.all(problems)).flat();
}

/** Of each kind the collection that readers are given; undefined where there is none yet. */
export async function readAliases(
  client: QdrantClient,
  prefix: string,
): Promise<Partial<Record<PointKind, string>>> {
  const aliases = aliasesOf(prefix);
  const { aliases: all } = await client.getAliases();
  const targets = new Map(all.map((one) => [one.alias_name, one.collection_name]));
  return Object.fromEntries(
    pointKinds.flatMap((kind) => {
      const target = targets.get(aliases[kind]);
      return target === undefined ? [] : [[kind, target]];
    }),
  );
}

/** In one step: no reader finds an alias missing, or two of different models. */
export async function moveAliases(
  client: QdrantClient,
  place: Place,
  kinds: readonly PointKind[],
): Promise<void> {
  const [aliases, collections] = [aliasesOf(place.prefix), collectionsOf(place)];
  const standing = await readAliases(client, place.prefix);
  const actions = kinds.flatMap((kind): Schemas["AliasOperations"][] => {
    const [alias_name, collection_name] = [aliases[kind], collections[kind]];
    const create = { create_alias: { alias_name, collection_name } };
    return standing[kind] === undefined ? [create] : [{ delete_alias: { alias_name } }, create];
  });
  await client.updateCollectionAliases({ actions });
}

async function make(
  client: QdrantClient,
  collection: string,
  config: Schemas["CreateCollection"],
): Promise<void> {
  const { exists } = await client.collectionExists(collection);
  if (exists) return;
  try {
    await client.createCollection(collection, config);
  } catch (error) {
    // Somebody else was first.
    const { exists: now } = await client.collectionExists(collection);
    if (!now) throw error;
  }
}
