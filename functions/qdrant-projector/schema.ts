import type { QdrantSchema } from "../../kit/qdrant/collections.ts";
import { collections } from "./collections.ts";
import { merging } from "./switching.ts";

/** infra/qdrant creates these; the function refuses to start without them. */
export const qdrant = { collections, merging } satisfies QdrantSchema;
