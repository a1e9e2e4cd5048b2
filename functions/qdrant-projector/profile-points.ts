import type { Filter, Store } from "../../kit/qdrant/store.ts";
import { chunksOf } from "../../lib/async/in-parallel.ts";
import { pointId } from "../../kit/qdrant/names.ts";
import { reusedAmong } from "../../kit/stamped.ts";
import type { Merged } from "./entity-points.ts";
import { confirmed, mergeUntilConfirmed } from "./merging.ts";
import type { ProductVectors } from "./product-vectors.ts";
import { type Interaction, type ProfilePayload, profileOf, REMEMBERED, unite } from "./profiles.ts";
import type { ProfileChange } from "./projection.ts";

/** The points of user profiles. */
type ProfilePoints = {
  /** Skips a change if its point has a stamp of another event with the same id, and adds it to `reused`. */
  merge(
    changes: readonly ProfileChange[],
    reused: Set<string> | undefined,
    signal: AbortSignal,
  ): Promise<void>;
  /** Refreshes the profiles that were computed from another vector of one of these products. */
  refresh(products: readonly Merged[], signal: AbortSignal): Promise<void>;
};

/** Profiles that are searched, read and written together, and products in one request. */
const PAGE = 100;

const KEPT_POINTS = 50_000;

/** Maximum of numbers, of all product vectors in memory for profiles; 8 bytes each. */
const NUMBERS = 4_000_000;

/** How many profiles are merged together. Each may contain REMEMBERED products. */
export function profilesAtOnce(dimensions: number): number {
  return Math.max(1, Math.min(PAGE, Math.floor(NUMBERS / (REMEMBERED * dimensions))));
}

/** The stored fields that a merge needs. All others follow from these. */
type Known = Pick<ProfilePayload, (typeof KNOWN)[number]>;
const KNOWN = ["tenant_id", "user_id", "interactions", "revision"] as const;

/** A change without interactions: the profile is only computed again. */
type Open = {
  point: string;
  tenant_id?: string;
  user_id?: string;
  interactions: readonly Interaction[];
};

export function profilePoints({
  store,
  vectors,
  collection,
  dimensions,
}: {
  store: Store;
  vectors: ProductVectors;
  collection: string;
  dimensions: number;
}): ProfilePoints {
  const pointOf = productPoints();

  /** Reads, merges and writes the changed profiles. Returns the changes that are not stored yet. */
  async function mergeOnce(
    open: readonly Open[],
    reused: Set<string> | undefined,
    signal: AbortSignal,
  ): Promise<Open[]> {
    const ids = open.map(({ point }) => point);
    const found = await store.read<Known>(collection, ids, { only: KNOWN }, signal);
    const stored = new Map(found.map(({ id, payload }) => [id, payload]));

    const wanted = open.flatMap((change) => {
      const before = stored.get(change.point);
      const { tenant_id, user_id } = { ...change, ...before };
      if (tenant_id === undefined || user_id === undefined) return [];
      const known = before?.interactions ?? [];
      const others = reused && reusedAmong(stampsOf(change.interactions), stampsOf(known));
      if (others?.length) {
        for (const stamp of others) reused?.add(stamp);
        return [];
      }
      const interactions = unite(known, change.interactions);
      return [{ change, tenant_id, user_id, interactions }];
    });
    const products = new Map(
      wanted.map(({ change, tenant_id, interactions }) => [
        change.point,
        new Set(interactions.map(({ product_id }) => pointOf(tenant_id, product_id))),
      ]),
    );
    const all = [...new Set([...products.values()].flatMap((some) => [...some]))];
    const seen = await vectors.read(all, signal);

    const points = wanted.map(({ tenant_id, user_id, interactions }) =>
      profileOf({ tenant_id, user_id }, interactions, {
        dimensions,
        vectorOf: (product_id) => seen.get(pointOf(tenant_id, product_id))!,
      }),
    );
    const changed = points.filter(
      ({ id, payload }) => stored.get(id)?.revision !== payload.revision,
    );
    const expected = [...stored.values()].map(({ revision }) => revision);
    if (changed.length > 0) await store.write(collection, changed, expected, signal);

    // After the write: a worker that changes a product's vector from now on finds these profiles.
    const [there, outdated] = await Promise.all([
      confirmed({ store, collection, points: changed }, signal),
      vectors.outdated(seen, signal),
    ]);
    const lost = new Set(changed.filter(({ id }) => !there.has(id)).map(({ id }) => id));
    return open.filter(
      ({ point }) =>
        lost.has(point) || [...(products.get(point) ?? [])].some((one) => outdated.has(one)),
    );
  }

  async function merge(
    open: readonly Open[],
    reused: Set<string> | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    for (const some of chunksOf(profilesAtOnce(dimensions), open)) {
      await mergeUntilConfirmed(some, (rest) => mergeOnce(rest, reused, signal));
    }
  }
  const renew = (points: readonly string[], signal: AbortSignal) =>
    merge(
      points.map((point) => ({ point, interactions: [] })),
      undefined,
      signal,
    );

  return {
    merge,

    async refresh(products, signal) {
      if (!(await areHeld(products, signal))) return;
      for (const some of chunksOf(PAGE, products)) {
        const filters = some.map(outdatedBy);
        const found = await store.find(collection, filters, PAGE, signal);
        const isAll = (points: readonly string[]) => points.length < PAGE;
        const few = new Set(found.filter(isAll).flat());
        for (const points of chunksOf(PAGE, [...few])) await renew(points, signal);
        for (const [i, points] of found.entries()) {
          if (!isAll(points)) await refreshPages(filters[i]!, signal);
        }
      }
    },
  };

  /** Whether a profile contains one of them. None does while a catalogue is new. */
  async function areHeld(products: readonly Merged[], signal: AbortSignal): Promise<boolean> {
    if (products.length === 0) return false;
    const any = (values: string[]) => ({ any: [...new Set(values)] });
    const must = [
      { key: "tenant_id", match: any(products.map(({ tenant_id }) => tenant_id)) },
      { key: "products", match: any(products.map(({ id }) => id)) },
    ];
    return (await store.find(collection, [{ must }], 1, signal)).flat().length > 0;
  }

  /** Finishes each page before it reads the next, so a restart continues where it stopped. */
  async function refreshPages(filter: Filter, signal: AbortSignal): Promise<void> {
    let after: string | undefined;
    do {
      const wanted = { filter, after, limit: PAGE, only: [] };
      const { points, next } = await store.page(collection, wanted, signal);
      await renew(
        points.map(({ id }) => id),
        signal,
      );
      after = next;
    } while (after !== undefined);
  }
}

function stampsOf(interactions: readonly Interaction[]): string[] {
  return interactions.map(({ stamp }) => stamp);
}

/** Caches the last ids: many profiles contain the same products, and an id is a hash. */
function productPoints(): (tenant_id: string, product_id: string) => string {
  const known = new Map<string, string>();
  return (tenant_id, product_id) => {
    const name = `${tenant_id}#${product_id}`;
    const point = known.get(name) ?? pointId(tenant_id, product_id);
    if (known.size >= KEPT_POINTS) known.clear();
    known.set(name, point);
    return point;
  };
}

/** Profiles that contain the product, but were computed from another vector of it. */
function outdatedBy({ tenant_id, id, fingerprint }: Merged): Filter {
  return {
    must: [
      { key: "tenant_id", match: { value: tenant_id } },
      { key: "products", match: { value: id } },
    ],
    must_not: [{ key: "basis", match: { value: fingerprint } }],
  };
}
