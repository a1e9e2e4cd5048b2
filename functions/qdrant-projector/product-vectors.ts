import type { Store } from "../../kit/qdrant/store.ts";
import type { EntityPayload } from "./entities.ts";
import { fingerprintOf } from "./identity.ts";
import type { ProductVector } from "./profiles.ts";

/** The stored vectors of products. The process caches those that it read last. */
export type ProductVectors = {
  /** One vector for each point, also for points that do not exist. May be outdated. */
  read(points: readonly string[], signal: AbortSignal): Promise<Map<string, ProductVector>>;
  /** Returns those that have changed since, and removes them from the cache. */
  outdated(seen: ReadonlyMap<string, ProductVector>, signal: AbortSignal): Promise<Set<string>>;
  /** Removes vectors from the cache. Call it after they were written. */
  forget(points: readonly string[]): void;
};

/** Size of the cache: numbers of all its vectors, 8 bytes each. */
const KEPT_NUMBERS = 2_000_000;

export function productVectors({
  store,
  collection,
  dimensions,
}: {
  store: Store;
  collection: string;
  dimensions: number;
}): ProductVectors {
  const kept = new Map<string, ProductVector>();
  const room = Math.ceil(KEPT_NUMBERS / dimensions);

  function keep(point: string, known: ProductVector): void {
    // Moves it to the end: the first entries leave the cache first.
    kept.delete(point);
    kept.set(point, known);
    for (const oldest of kept.keys()) {
      if (kept.size <= room) break;
      kept.delete(oldest);
    }
  }

  return {
    async read(points, signal) {
      const known = points.map((point) => [point, kept.get(point)] as const);
      const missing = known.flatMap(([point, one]) => (one === undefined ? [point] : []));
      const stored = await store.read<Pick<EntityPayload, "fingerprint" | "presence">>(
        collection,
        missing,
        { only: ["fingerprint", "presence"], vector: true },
        signal,
      );
      const read = new Map(
        stored.map(({ id, payload: { fingerprint, presence }, vector }) => [
          id,
          { fingerprint, vector: presence === "present" ? vector : undefined },
        ]),
      );
      return new Map(
        known.map(([point, one]) => {
          const found = one ?? read.get(point) ?? nothingOf(point);
          keep(point, found);
          return [point, found];
        }),
      );
    },

    async outdated(seen, signal) {
      if (seen.size === 0) return new Set();
      const points = [...seen.keys()];
      const fingerprints = [...seen.values()].map(({ fingerprint }) => fingerprint);
      // One count is much smaller than a fingerprint for each product.
      const others = {
        must: [{ has_id: points }],
        must_not: [{ key: "fingerprint", match: { any: fingerprints } }],
      };
      if ((await store.count(collection, others, signal)) === 0) return new Set();

      const only = ["fingerprint"];
      const stored = await store.read<{ fingerprint: string }>(
        collection,
        points,
        { only },
        signal,
      );
      const changed = stored.filter(
        ({ id, payload }) => payload.fingerprint !== seen.get(id)?.fingerprint,
      );
      for (const { id } of changed) kept.delete(id);
      return new Set(changed.map(({ id }) => id));
    },

    forget(points) {
      for (const point of points) kept.delete(point);
    },
  };
}

/** An unknown product is treated like a deleted one. */
function nothingOf(point: string): ProductVector {
  return { fingerprint: fingerprintOf(point, ""), vector: undefined };
}
