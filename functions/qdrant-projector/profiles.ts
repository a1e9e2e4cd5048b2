import { pointId } from "../../kit/qdrant/names.ts";
import { namedBy, newer } from "../../kit/stamped.ts";
import { revisionOf } from "./identity.ts";

/** One thing that a user did with a product. The stamp is a proven one. */
export type Interaction = { stamp: string; product_id: string; weight: number };

/** What a user's point holds: the vector is made of this and of the products' vectors alone. */
export type ProfilePayload = {
  tenant_id: string;
  user_id: string;
  /** The latest ones, the oldest first. */
  interactions: Interaction[];
  /** Of those, each once: whose profiles hold a product is asked by it. */
  products: string[];
  /** The fingerprints of those products, sorted: of what this vector was made. */
  basis: string[];
  revision: string;
};

/** How many a profile remembers. */
export const REMEMBERED = 100;

/** What a person does with a product, compared with looking at it. */
export const weights = {
  "interaction.viewed": 1,
  "interaction.wishlisted": 3,
  "interaction.added_to_cart": 4,
  "interaction.removed_from_cart": -2,
  "interaction.purchased": 8,
} as const;

/** After so long an interaction counts half as much as the newest one. ms */
const HALF_LIFE = 30 * 86_400_000;

/** Of a sum, compared with what was summed up (product vectors have length 1). */
const NOTHING = 1e-9;

/** Of a stamp's time: `2026-11-21T10:00:00.500000Z`. */
const TIME_LENGTH = 27;

/**
 * The latest of both, each event once. Associative, commutative and idempotent: what one cut leaves
 * out, a later one would have left out too.
 */
export function unite(a: readonly Interaction[], b: readonly Interaction[]): Interaction[] {
  const byEvent = new Map<string, Interaction>();
  for (const one of [...a, ...b]) {
    const { name = one.stamp } = namedBy(one.stamp) ?? {};
    byEvent.set(name, newer(byEvent.get(name), one));
  }
  const sorted = [...byEvent.values()].sort((x, y) => (x.stamp < y.stamp ? -1 : 1));
  return sorted.slice(-REMEMBERED);
}

/** A product's vector as it is stored, and of what; none if nobody has described it, or it was deleted. */
export type ProductVector = { fingerprint: string; vector: readonly number[] | undefined };

/** The point of a user. A product without a vector says nothing about taste. */
export function profileOf(
  { tenant_id, user_id }: { tenant_id: string; user_id: string },
  interactions: readonly Interaction[],
  {
    dimensions,
    vectorOf,
  }: {
    dimensions: number;
    vectorOf: (product_id: string) => ProductVector;
  },
): { id: string; payload: ProfilePayload; vector: number[] } {
  const id = pointId(tenant_id, user_id);
  const products = [...new Set(interactions.map(({ product_id }) => product_id))].sort();
  const basis = products.map((product) => vectorOf(product).fingerprint).sort();
  const stamps = interactions.map(({ stamp }) => stamp);
  const revision = revisionOf(id, [...stamps, "", ...basis]);

  const newest = timeOf(interactions.at(-1));
  const vector = Array.from({ length: dimensions }, () => 0);
  let weighed = 0;
  // In the order of stamps: a sum of floats depends on it.
  for (const one of interactions) {
    const { vector: product } = vectorOf(one.product_id);
    if (product === undefined) continue;
    // Compared with the newest interaction, never with now: the same set, the same vector.
    const weight = one.weight * 2 ** ((timeOf(one) - newest) / HALF_LIFE);
    weighed += Math.abs(weight);
    for (let i = 0; i < dimensions; i += 1) vector[i]! += weight * product[i]!;
  }
  // What cancels out leaves rounding errors, and Qdrant would make a direction of them.
  if (Math.hypot(...vector) < NOTHING * weighed) vector.fill(0);
  return {
    id,
    vector,
    payload: { tenant_id, user_id, interactions: [...interactions], products, basis, revision },
  };
}

function timeOf(one: Interaction | undefined): number {
  return one === undefined ? 0 : Date.parse(one.stamp.slice(0, TIME_LENGTH));
}
