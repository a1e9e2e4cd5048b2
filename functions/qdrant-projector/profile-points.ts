import type { Filter, Store } from "../../kit/qdrant/store.ts";
import { chunksOf } from "../../lib/async/in-parallel.ts";
import { pointId } from "../../kit/qdrant/names.ts";
import { reusedAmong } from "../../kit/stamped.ts";
import type { Merged } from "./entity-points.ts";
import { confirmed, mergeUntilConfirmed } from "./merging.ts";
import type { ProductVectors } from "./product-vectors.ts";
import { type Interaction, type ProfilePayload, profileOf, REMEMBERED, unite } from "./profiles.ts";
import type { ProfileChange } from "./projection.ts";

/** The points of what users like. */
type ProfilePoints = {
  /** Leaves out each change with a stamp whose id its point knows of another event, and adds that to `reused`. */
  merge(
    changes: readonly ProfileChange[],
    reused: Set<string> | undefined,
    signal: AbortSignal,
  ): Promise<void>;
  /** Brings those profiles up to date that hold one of these products with another vector of it. */
  refresh(products: readonly Merged[], signal: AbortSignal): Promise<void>;
};

/** Profiles that are looked for, read and written at a time; products asked about in one request. */
const PAGE = 100;

const KEPT_POINTS = 50_000;

/** Of all products' vectors that are in hand for profiles at a time; 8 bytes each. */
const NUMBERS = 4_000_000;

/** How many profiles are merged at a time, each of which may be made of REMEMBERED products. */
export function profilesAtOnce(dimensions: number): number {
  return Math.max(1, Math.min(PAGE, Math.floor(NUMBERS / (REMEMBERED * dimensions))));
}

/** Of what stands, all that a merge needs to know: the rest follows from it. */
type Known = Pick<ProfilePayload, (typeof KNOWN)[number]>;
const KNOWN = ["tenant_id", "user_id", "interactions", "revision"] as const;

/** One that has nothing to add: its profile is only made anew. */
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

  /** Reads, unites, writes what that changes, and returns what is not there yet. */
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

    // Behind the write: whoever changes a product's vector from here on finds these profiles.
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

  /** Whether anybody's profile holds one of them: of a new catalogue, nobody's. */
  async function areHeld(products: readonly Merged[], signal: AbortSignal): Promise<boolean> {
    if (products.length === 0) return false;
    const any = (values: string[]) => ({ any: [...new Set(values)] });
    const must = [
      { key: "tenant_id", match: any(products.map(({ tenant_id }) => tenant_id)) },
      { key: "products", match: any(products.map(({ id }) => id)) },
    ];
    return (await store.find(collection, [{ must }], 1, signal)).flat().length > 0;
  }

  /** Each page is done before the next is read, so whoever begins again finds less to do. */
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

/** Many profiles hold the same products, and a point's id is a hash: the last ones are kept. */
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

/** Profiles that hold the product, and not with this vector of it. */
function outdatedBy({ tenant_id, id, fingerprint }: Merged): Filter {
  return {
    must: [
      { key: "tenant_id", match: { value: tenant_id } },
      { key: "products", match: { value: id } },
    ],
    must_not: [{ key: "basis", match: { value: fingerprint } }],
  };
}
