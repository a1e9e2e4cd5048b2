import { type QdrantSchema, qdrantSchema } from "../../kit/qdrant/collections.ts";
import { readSchemas } from "../schema/schemas.ts";

/** What each schema.ts exports as `qdrant`. */
export function declaredVectors(root?: string): Promise<QdrantSchema[]> {
  return readSchemas("qdrant", qdrantSchema, root);
}

/** The collections of all functions. Throws if two functions declare the same kind. */
export async function declaredCollections(root?: string): Promise<QdrantSchema["collections"]> {
  const entries = (await declaredVectors(root)).flatMap(({ collections }) =>
    Object.entries(collections),
  );
  const kinds = entries.map(([kind]) => kind);
  const twice = kinds.find((kind, i) => kinds.indexOf(kind) < i);
  if (twice !== undefined) throw new Error(`two functions declare the collection ${twice}`);
  return Object.fromEntries(entries);
}
