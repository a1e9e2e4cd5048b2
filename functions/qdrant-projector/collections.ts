import { collectionOf, type Place } from "../../kit/qdrant/names.ts";

/** Writes are conditional on `revision`. Without an index each write would read the payload of its points. */
const everywhere = { tenant_id: "keyword", revision: "uuid" } as const;

/**
 * The indexed payload fields of each kind of point. All tenants share a collection, and every query
 * filters by tenant. Profiles come last, because they are computed from the products' vectors.
 */
export const collections = {
  product: {
    ...everywhere,
    presence: "keyword",
    fingerprint: "keyword",
    category: "keyword",
    price_minor: "integer",
    "stock[].quantity": "integer",
  },
  ticket: { ...everywhere, presence: "keyword", status: "keyword", owner_id: "keyword" },
  message: { ...everywhere, presence: "keyword", ticket_id: "keyword", author_id: "keyword" },
  profile: { ...everywhere, products: "keyword", basis: "keyword" },
} as const;

export type PointKind = keyof typeof collections;
export const pointKinds = Object.keys(collections) as PointKind[];

export type CollectionNames = Record<PointKind, string>;

export function collectionsOf(place: Place): CollectionNames {
  const names = pointKinds.map((kind) => [kind, collectionOf(place, kind)]);
  return Object.fromEntries(names) as CollectionNames;
}
