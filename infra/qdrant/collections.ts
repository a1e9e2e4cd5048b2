import type { QdrantClient, Schemas } from "@qdrant/js-client-rest";
import * as kit from "../../kit/qdrant/collections.ts";
import { connect, type Server } from "../../kit/qdrant/connect.ts";
import { aliasOf, collectionOf, type Place } from "../../kit/qdrant/names.ts";
import { qdrantStore } from "../../kit/qdrant/store.ts";

/** ms. Creating an index reads all points of its collection, which takes long if there are many. */
const CREATE_MS = 600_000;
const CHECK_MS = 30_000;

/**
 * Creates the missing collections and aliases. Rejects if the server is unreachable, or if an existing
 * collection differs.
 */
export async function applyCollections(
  server: Server,
  place: Place,
  collections: kit.Collections,
): Promise<void> {
  // Fails early, with a clear message, if the server is unreachable or refuses the key.
  await problemsWith(server, place, collections);
  const client = connect(server, CREATE_MS);
  for (const [kind, indexes] of Object.entries(collections)) {
    const collection = collectionOf(place, kind);
    await make(client, collection, {
      vectors: { size: place.dimensions, distance: kit.DISTANCE },
      hnsw_config: kit.HNSW,
    });
    for (const [field, type] of Object.entries(indexes)) {
      // Changes nothing if the same index exists.
      await client.createPayloadIndex(collection, {
        field_name: field,
        field_schema: field === "tenant_id" ? { type: "keyword", is_tenant: true } : type,
        wait: true,
      });
    }
  }
  const problems = await problemsWith(server, place, collections);
  if (problems.length > 0) {
    throw new Error(
      `Qdrant has something else under these names: it lacks ${problems.join("; ")}.`,
    );
  }
  const kinds = Object.keys(collections);
  const standing = await readAliases(client, place.prefix, kinds);
  const missing = kinds.filter((kind) => standing[kind] === undefined);
  if (missing.length > 0) await moveAliases(client, place, missing);
}

/** What is missing or different, one line each. */
export function problemsWith(
  server: Server,
  place: Place,
  collections: kit.Collections,
): Promise<string[]> {
  return kit.problemsWith(qdrantStore(server), place, collections, AbortSignal.timeout(CHECK_MS));
}

/** The collection behind each kind's alias. Omits kinds without an alias. */
export async function readAliases(
  client: QdrantClient,
  prefix: string,
  kinds: readonly string[],
): Promise<Record<string, string>> {
  const { aliases } = await client.getAliases();
  const targets = new Map(aliases.map((one) => [one.alias_name, one.collection_name]));
  return Object.fromEntries(
    kinds.flatMap((kind) => {
      const target = targets.get(aliasOf(prefix, kind));
      return target === undefined ? [] : [[kind, target]];
    }),
  );
}

/** Moves all aliases atomically: no reader finds an alias missing, or aliases of different models. */
export async function moveAliases(
  client: QdrantClient,
  place: Place,
  kinds: readonly string[],
): Promise<void> {
  const standing = await readAliases(client, place.prefix, kinds);
  const actions = kinds.flatMap((kind): Schemas["AliasOperations"][] => {
    const alias_name = aliasOf(place.prefix, kind);
    const collection_name = collectionOf(place, kind);
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
    // Another process created it first.
    const { exists: now } = await client.collectionExists(collection);
    if (!now) throw error;
  }
}
