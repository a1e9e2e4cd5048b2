import * as z from "zod";
import type { Embedder } from "../embedding/embedder.ts";
import { collectionOf, type Place } from "./names.ts";
import type { Inspected, Store, StoredPoint } from "./store.ts";

/** For each kind of point, which has its own collection: the indexed payload fields and their index type. */
export const collections = z.record(
  z.string().regex(/^[a-z_]+$/, "must be a kind of point, such as product"),
  z.record(z.string(), z.enum(["keyword", "uuid", "integer"])),
);
export type Collections = z.infer<typeof collections>;

/**
 * Merges stored points of one model's collection into those of another model. `warren vectors switch`
 * calls it for each kind, in the order of `collections`.
 */
export type Merging = (target: {
  store: Store;
  embedder: Embedder;
  place: Place;
}) => (kind: string, points: readonly StoredPoint<unknown>[], signal: AbortSignal) => Promise<void>;

/** What a function's schema.ts exports as `qdrant`: the server must contain it before the function starts. */
export const qdrantSchema = z.object({
  collections,
  merging: z
    .custom<Merging>((value) => typeof value === "function", "must be a function")
    .optional(),
});
export type QdrantSchema = z.infer<typeof qdrantSchema>;

export const DISTANCE = "Cosine";

/**
 * Builds one HNSW graph per tenant instead of a global one:
 * https://qdrant.tech/documentation/guides/multitenancy/.
 */
export const HNSW = { payload_m: 16, m: 0 };

/** One line for each missing or different item. */
export async function problemsWith(
  store: Store,
  place: Place,
  wanted: Collections,
  signal: AbortSignal,
): Promise<string[]> {
  const problems = Object.entries(wanted).map(async ([kind, indexes]) => {
    const collection = collectionOf(place, kind);
    return problemsOf(collection, await store.inspect(collection, signal), { place, indexes });
  });
  return (await Promise.all(problems)).flat();
}

function problemsOf(
  collection: string,
  found: Inspected | undefined,
  { place: { dimensions }, indexes }: { place: Place; indexes: Record<string, string> },
): string[] {
  if (found === undefined) return [`collection ${collection}`];
  const { size, distance } = found;
  const missing = Object.entries(indexes).filter(([field, type]) => found.indexes[field] !== type);
  return [
    ...(size === dimensions ? [] : [`${collection} with ${dimensions} dimensions, not ${size}`]),
    ...(distance === DISTANCE ? [] : [`${collection} with distance ${DISTANCE}, not ${distance}`]),
    ...missing.map(([field, type]) => `an index of type ${type} on ${field} of ${collection}`),
  ];
}
