import { collectionOf, type Place } from "../../kit/qdrant/names.ts";

/** Writes are guarded by `revision`; without an index each would read the payload of its points. */
const everywhere = { tenant_id: "keyword", revision: "uuid" } as const;

/**
 * By kind of point, the payload fields that have an index. All tenants share a collection, and every
 * query names its tenant. Profiles come last: they are made of the products' vectors.
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
