import { pointId } from "../../kit/qdrant/names.ts";
import { namedBy, newer } from "../../kit/stamped.ts";
import { revisionOf } from "./identity.ts";

/** One thing that a user did with a product. The stamp is a proven one. */
export type Interaction = { stamp: string; product_id: string; weight: number };

/** The payload of a user's point. It and the products' vectors decide the point's vector. */
export type ProfilePayload = {
  tenant_id: string;
  user_id: string;
  /** The newest interactions, the oldest of them first. */
  interactions: Interaction[];
  /** Their products, each once: to find the profiles that contain a product. */
  products: string[];
  /** The fingerprints of their vectors, sorted: the vector was computed from these. */
  basis: string[];
  revision: string;
};

/** Interactions in a profile. */
export const REMEMBERED = 100;

/** The weight of each interaction; looking at a product weighs 1. */
export const weights = {
  "interaction.viewed": 1,
  "interaction.wishlisted": 3,
  "interaction.added_to_cart": 4,
  "interaction.removed_from_cart": -2,
  "interaction.purchased": 8,
} as const;

/** An interaction this much older than the newest one counts half. ms */
const HALF_LIFE = 30 * 86_400_000;

/** A sum shorter than this part of its terms counts as zero (product vectors have length 1). */
const NOTHING = 1e-9;

/** Length of a stamp's time: `2026-11-21T10:00:00.500000Z`. */
const TIME_LENGTH = 27;

/**
 * The newest interactions of both lists, each event once. Associative, commutative and idempotent: an
 * interaction that one cut removes would also be removed by any later cut.
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

/** A product's stored vector and its fingerprint; none if the product is unknown or deleted. */
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
  // In the order of stamps, because the order changes a sum of floats.
  for (const one of interactions) {
    const { vector: product } = vectorOf(one.product_id);
    if (product === undefined) continue;
    // The age counts from the newest interaction, not from now: the same set gives the same vector.
    const weight = one.weight * 2 ** ((timeOf(one) - newest) / HALF_LIFE);
    weighed += Math.abs(weight);
    for (let i = 0; i < dimensions; i += 1) vector[i]! += weight * product[i]!;
  }
  // Interactions that cancel out leave rounding errors. Qdrant would normalise them to a direction.
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
