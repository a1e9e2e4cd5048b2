import type { Collections, Place } from "../../functions/qdrant-projector/collections.ts";
import { collectionsOf } from "../../functions/qdrant-projector/collections.ts";
import {
  entityKinds,
  type EntityKind,
  type EntityPayload,
  recall,
} from "../../functions/qdrant-projector/entities.ts";
import type { ProfilePayload } from "../../functions/qdrant-projector/profiles.ts";
import type { Changes } from "../../functions/qdrant-projector/projection.ts";
import {
  qdrantStore,
  type Store,
  type StoredPoint,
} from "../../functions/qdrant-projector/qdrant.ts";
import { qdrantVectors } from "../../functions/qdrant-projector/vectors.ts";
import type { Embedder } from "../../kit/embedding/embedder.ts";
import { connect, type Server } from "../../kit/qdrant/connect.ts";
import { pointKinds } from "../../kit/qdrant/names.ts";
import { moveAliases, problemsWith, readAliases } from "./collections.ts";

/** Points that are read, embedded and written at a time, and how long that may take; ms. */
const PAGE = 500;
const PAGE_MS = 300_000;

/**
 * Brings what readers are given over to another model: every point of the collections that the aliases
 * stand for is merged into those of `embedder`, which makes its vector, and then the aliases move.
 * Safe to break off and to repeat, and beside a projector that writes to the new collections already:
 * a point is merged as events are. Returns how many points there were.
 */
export async function switchCollections({
  server,
  prefix,
  embedder,
  report,
}: {
  server: Server;
  prefix: string;
  embedder: Embedder;
  report: (text: string) => void;
}): Promise<number> {
  const { model, dimensions } = embedder;
  const place: Place = { prefix, model, dimensions };
  const problems = await problemsWith(server, place);
  if (problems.length > 0) {
    throw new Error(`Qdrant lacks ${problems.join("; ")}: \`warren vectors create\` first.`);
  }
  const client = connect(server);
  const store = qdrantStore(server);
  const target = collectionsOf(place);
  const source = await readAliases(client, prefix);
  const vectors = qdrantVectors({ store, embedder, collections: target, random: Math.random });

  let copied = 0;
  // Profiles last: they are made of the products' new vectors.
  for (const kind of [...entityKinds, "profile"] as const) {
    const from = source[kind];
    if (from === undefined || from === target[kind]) continue;
    report(`${from} to ${target[kind]}`);
    for await (const points of pagesOf(store, from)) {
      await vectors.merge(changesIn(kind, points), AbortSignal.timeout(PAGE_MS));
      copied += points.length;
    }
  }
  await moveAliases(client, place, pointKinds);
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

function changesIn(kind: keyof Collections, points: readonly StoredPoint<unknown>[]): Changes {
  const none: Changes = { product: [], ticket: [], message: [], profiles: [] };
  if (kind === "profile") {
    const profiles = points.map(({ id, payload }) => ({
      point: id,
      ...(payload as ProfilePayload),
    }));
    return { ...none, profiles };
  }
  return { ...none, [kind]: points.map((point) => entityChange(kind, point)) };
}

function entityChange(kind: EntityKind, { id: point, payload }: StoredPoint<unknown>) {
  return { point, ...recall(kind, payload as EntityPayload), reindex: false };
}
