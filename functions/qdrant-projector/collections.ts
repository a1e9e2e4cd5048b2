import { aliasOf, type PointKind, pointKinds } from "../../kit/qdrant/names.ts";
import type { Inspected } from "./qdrant.ts";

type Index = "keyword" | "uuid" | "integer";

/** The writes are guarded by `revision`; without an index each would read the payload of its points. */
const everywhere = { tenant_id: "keyword", revision: "uuid" } as const;

/**
 * What Qdrant must have, as data. infra/qdrant makes it, the function refuses to start without it. All
 * tenants share a collection; every query names its tenant, whose points lie together (`is_tenant`), as
 * https://qdrant.tech/documentation/guides/multitenancy/ says.
 */
export const payloadIndexes: Record<PointKind, Record<string, Index>> = {
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
};

/** Of the multitenancy guide: one graph for each tenant, none over all of them. */
export const hnsw = { payload_m: 16, m: 0 };

export const DISTANCE = "Cosine";

/** What makes one vector comparable with another. */
export type Model = { model: string; dimensions: number };

/** Collections that belong together; two stages on one server have two names. */
export type Place = Model & { prefix: string };

export type Collections = Record<PointKind, string>;

/** `warren-products-hashing-384`: another model's vectors are never compared with these. */
export function collectionsOf({ prefix, model, dimensions }: Place): Collections {
  const name = model.replaceAll(/[^A-Za-z0-9._-]+/g, "-");
  const suffix = name.endsWith(`-${dimensions}`) ? name : `${name}-${dimensions}`;
  return named((kind) => `${aliasOf(prefix, kind)}-${suffix}`);
}

/** `warren-products`: what readers ask for. It stands for the collection of the model in use. */
export function aliasesOf(prefix: string): Collections {
  return named((kind) => aliasOf(prefix, kind));
}

/** One line for each thing that is missing or other than it must be. */
export function problemsOf(
  kind: PointKind,
  collection: string,
  found: Inspected | undefined,
  { dimensions }: Model,
): string[] {
  if (found === undefined) return [`collection ${collection}`];
  const { size, distance, indexes } = found;
  const missing = Object.entries(payloadIndexes[kind]).filter(
    ([field, type]) => indexes[field] !== type,
  );
  return [
    ...(size === dimensions ? [] : [`${collection} with ${dimensions} dimensions, not ${size}`]),
    ...(distance === DISTANCE ? [] : [`${collection} with distance ${DISTANCE}, not ${distance}`]),
    ...missing.map(([field, type]) => `an index of type ${type} on ${field} of ${collection}`),
  ];
}

function named(name: (kind: PointKind) => string): Collections {
  return Object.fromEntries(pointKinds.map((kind) => [kind, name(kind)])) as Collections;
}
