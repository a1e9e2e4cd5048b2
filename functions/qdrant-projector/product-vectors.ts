import type { Store } from "../../kit/qdrant/store.ts";
import type { EntityPayload } from "./entities.ts";
import { fingerprintOf } from "./identity.ts";
import type { ProductVector } from "./profiles.ts";

/** The products' vectors as they are stored; those that were read lately are kept in the process. */
export type ProductVectors = {
  /** One for each of these points, whether it exists or not. They may be outdated. */
  read(points: readonly string[], signal: AbortSignal): Promise<Map<string, ProductVector>>;
  /** Those of them that are others by now; they are read anew the next time. */
  outdated(seen: ReadonlyMap<string, ProductVector>, signal: AbortSignal): Promise<Set<string>>;
  /** They have just been written. */
  forget(points: readonly string[]): void;
};

/** Numbers that are kept, of all vectors; 8 bytes each. */
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
    // To the end, where the youngest are.
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
      // One number is much less to send than a fingerprint for each product.
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

/** A product that nobody has described is as one that was deleted. */
function nothingOf(point: string): ProductVector {
  return { fingerprint: fingerprintOf(point, ""), vector: undefined };
}
