import type { Embedder } from "../../kit/embedding/embedder.ts";
import type { QdrantSchema } from "../../kit/qdrant/collections.ts";
import { connect, type Server } from "../../kit/qdrant/connect.ts";
import { collectionOf, type Place } from "../../kit/qdrant/names.ts";
import { qdrantStore, type Store, type StoredPoint } from "../../kit/qdrant/store.ts";
import { moveAliases, problemsWith, readAliases } from "./collections.ts";

/** The number of points per round, and the time limit of a round in ms. */
const PAGE = 500;
const PAGE_MS = 300_000;

/**
 * Switches readers to another model. Embeds every point of the collections behind the aliases with
 * `embedder`, merges it into the new collections, then moves the aliases. Safe to interrupt, to repeat, and
 * to run while a projector writes to the new collections: it merges points as the projector merges events.
 * Returns the number of points.
 */
export async function switchCollections({
  server,
  prefix,
  embedder,
  schemas,
  report,
}: {
  server: Server;
  prefix: string;
  embedder: Embedder;
  schemas: readonly QdrantSchema[];
  report: (text: string) => void;
}): Promise<number> {
  const { model, dimensions } = embedder;
  const place: Place = { prefix, model, dimensions };
  const client = connect(server);
  const store = qdrantStore(server);

  for (const { collections } of schemas) {
    const problems = await problemsWith(server, place, collections);
    if (problems.length > 0) {
      throw new Error(`Qdrant lacks ${problems.join("; ")}. Run \`warren vectors create\` first.`);
    }
  }
  let copied = 0;
  for (const { collections, merging } of schemas) {
    const kinds = Object.keys(collections);
    const source = await readAliases(client, prefix, kinds);
    const merge = merging?.({ store, embedder, place });
    for (const kind of kinds) {
      const [from, to] = [source[kind], collectionOf(place, kind)];
      if (from === undefined || from === to) continue;
      if (merge === undefined) {
        throw new Error(
          `${from} cannot be switched: its function's schema.ts exports no \`merging\``,
        );
      }
      report(`${from} to ${to}`);
      for await (const points of pagesOf(store, from)) {
        await merge(kind, points, AbortSignal.timeout(PAGE_MS));
        copied += points.length;
      }
    }
  }
  const kinds = schemas.flatMap(({ collections }) => Object.keys(collections));
  if (kinds.length > 0) await moveAliases(client, place, kinds);
  return copied;
}

async function* pagesOf(store: Store, collection: string): AsyncGenerator<StoredPoint<unknown>[]> {
  let after: string | undefined;
  do {
    const page = await store.page(collection, { after, limit: PAGE }, AbortSignal.timeout(PAGE_MS));
    yield page.points;
    after = page.next;
  } while (after !== undefined);
}
