import { coalesced } from "../../lib/coalesced.ts";
import { unlessAborted } from "../../lib/unless-aborted.ts";
import type { EntityPayload } from "./entities.ts";
import { fingerprintOf } from "./identity.ts";
import type { ProductVector } from "./profiles.ts";
import type { Store } from "./qdrant.ts";

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

  /** Profiles that are merged side by side hold the same products: whoever asks later finds them kept. */
  const readOne = coalesced(readMany, { keyOf: (point) => point, largest: 1_000, inFlight: 2 });

  async function readMany(points: readonly string[]): Promise<ProductVector[]> {
    const known = new Map(points.map((point) => [point, kept.get(point)]));
    const missing = points.filter((point) => known.get(point) === undefined);
    const stored = await store.read<Pick<EntityPayload, "fingerprint" | "presence">>(
      collection,
      missing,
      { only: ["fingerprint", "presence"], vector: true },
      new AbortController().signal,
    );
    for (const { id, payload, vector } of stored) {
      const { fingerprint, presence } = payload;
      known.set(id, { fingerprint, vector: presence === "present" ? vector : undefined });
    }
    return points.map((point) => {
      const found = known.get(point) ?? nothingOf(point);
      keep(point, found);
      return found;
    });
  }

  return {
    async read(points, signal) {
      const asked = points.map(async (point) => {
        const known = kept.get(point);
        if (known === undefined) return readOne(point);
        keep(point, known);
        return known;
      });
      const found = await unlessAborted(Promise.all(asked), signal);
      return new Map(found.map((one, i) => [points[i]!, one]));
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
