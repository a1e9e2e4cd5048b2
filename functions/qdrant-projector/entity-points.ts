import { join, reusedAmong, stampsIn } from "../../kit/stamped.ts";
import type { Embedder } from "../../kit/embedding/embedder.ts";
import type { Point, Store } from "../../kit/qdrant/store.ts";
import type { CollectionNames } from "./collections.ts";
import { describe, type EntityKind, type EntityPayload, recall } from "./entities.ts";
import type { EntityChange } from "./projection.ts";
import { confirmed, mergeUntilConfirmed } from "./merging.ts";

/** The points of products, tickets and messages. */
type EntityPoints = {
  /** Skips a change if its point has a stamp of another event with the same id, and adds it to `reused`. */
  merge(
    kind: EntityKind,
    changes: readonly EntityChange[],
    reused: Set<string> | undefined,
    signal: AbortSignal,
  ): Promise<Merged[]>;
};

/** A point that contains a change. */
export type Merged = { point: string; tenant_id: string; id: string; fingerprint: string };

type Planned = {
  point: { id: string; payload: EntityPayload; text: string };
  /** The stored point, if there is one. */
  stored: EntityPayload | undefined;
};

export function entityPoints({
  store,
  embedder,
  collections,
}: {
  store: Store;
  embedder: Embedder;
  collections: CollectionNames;
}): EntityPoints {
  const empty = { groups: {} };

  /** Reads, merges and writes the changed points. Returns the changes that are not stored yet. */
  async function mergeOnce(
    kind: EntityKind,
    changes: readonly EntityChange[],
    merged: Map<string, Merged>,
    reused: Set<string> | undefined,
    signal: AbortSignal,
  ): Promise<EntityChange[]> {
    const collection = collections[kind];
    const ids = changes.map(({ point }) => point);
    const found = await store.read<EntityPayload>(collection, ids, {}, signal);
    const payloads = new Map(found.map(({ id, payload }) => [id, payload]));

    const planned = changes.flatMap((change): Planned[] => {
      const stored = payloads.get(change.point);
      // A reindex of an unknown entity has nothing to write.
      if (stored === undefined && isEmpty(change)) return [];
      const known = stored === undefined ? empty : recall(kind, stored).state;
      const others = reused && reusedAmong(stampsIn(change.state), stampsIn(known));
      if (others?.length) {
        for (const stamp of others) reused?.add(stamp);
        return [];
      }
      const point = describe(kind, change, join(known, change.state));
      const { tenant_id, id } = change;
      const { fingerprint } = point.payload;
      merged.set(point.id, { point: point.id, tenant_id, id, fingerprint });
      const isThere = stored?.revision === point.payload.revision;
      return isThere && !change.reindex ? [] : [{ point, stored }];
    });
    if (planned.length === 0) return [];

    const points = await withVectors(collection, planned, changes, signal);
    const expected = [...payloads.values()].map(({ revision }) => revision);
    await store.write(collection, points, expected, signal);
    const wanted = planned.map(({ point }) => point);
    const there = await confirmed({ store, collection, points: wanted }, signal);
    const lost = new Set(wanted.map(({ id }) => id).filter((id) => !there.has(id)));
    return changes.filter(({ point }) => lost.has(point));
  }

  /** Reuses the stored vector if the text is the same. Omits points that changed meanwhile. */
  async function withVectors(
    collection: string,
    planned: readonly Planned[],
    changes: readonly EntityChange[],
    signal: AbortSignal,
  ): Promise<Point[]> {
    const anew = new Set(changes.filter(({ reindex }) => reindex).map(({ point }) => point));
    const isKept = ({ point, stored }: Planned) =>
      stored?.fingerprint === point.payload.fingerprint && !anew.has(point.id);
    const kept = planned.filter(isKept);
    const made = planned.filter((each) => !isKept(each) && each.point.text !== "");
    const [standing, embedded] = await Promise.all([
      vectorsOf(collection, kept, signal),
      made.length === 0
        ? []
        : embedder.embed(
            made.map(({ point }) => point.text),
            signal,
          ),
    ]);
    const fresh = new Map(made.map(({ point }, i) => [point.id, embedded[i]!]));
    const zero = Array.from({ length: embedder.dimensions }, () => 0);

    return planned.flatMap((each) => {
      const { id, payload, text } = each.point;
      const vector = isKept(each) ? standing.get(id) : text === "" ? zero : fresh.get(id);
      return vector === undefined ? [] : [{ id, payload, vector }];
    });
  }

  async function vectorsOf(
    collection: string,
    kept: readonly Planned[],
    signal: AbortSignal,
  ): Promise<Map<string, readonly number[]>> {
    if (kept.length === 0) return new Map();
    const found = await store.read<{ fingerprint: string }>(
      collection,
      kept.map(({ point }) => point.id),
      { only: ["fingerprint"], vector: true },
      signal,
    );
    const fingerprints = new Map(kept.map(({ point }) => [point.id, point.payload.fingerprint]));
    return new Map(
      found
        .filter(({ id, payload }) => payload.fingerprint === fingerprints.get(id))
        .map(({ id, vector }) => [id, vector]),
    );
  }

  return {
    async merge(kind, changes, reused, signal) {
      const merged = new Map<string, Merged>();
      await mergeUntilConfirmed(changes, (open) => mergeOnce(kind, open, merged, reused, signal));
      return [...merged.values()];
    },
  };
}

function isEmpty({ state }: EntityChange): boolean {
  return state.deleted === undefined && Object.keys(state.groups).length === 0;
}
