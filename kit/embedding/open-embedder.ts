import * as z from "zod";
import type { Embedder } from "./embedder.ts";
import { hashingEmbedder } from "./hashing.ts";
import { openAiEmbedder } from "./openai.ts";

/**
 * The variables of the embedding model. Add them to a function's config: `z.object({ … }).and(embedding)`.
 * `EMBEDDER=hashing` (the default) needs nothing. `openai` requires the server, the model and its
 * dimensions.
 */
export const embedding = z.preprocess(
  (env) => ({ EMBEDDER: "hashing", ...(env as object) }),
  z
    .discriminatedUnion(
      "EMBEDDER",
      [
        z.object({ EMBEDDER: z.literal("hashing") }),
        z.object({
          EMBEDDER: z.literal("openai"),
          EMBEDDING_URL: z
            .url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" })
            .describe("The API up to `/embeddings`, such as `https://api.openai.com/v1`"),
          EMBEDDING_API_KEY: z.string().optional().describe("API key of the embedding server"),
          EMBEDDING_MODEL: z.string().describe("Model name"),
          EMBEDDING_DIMENSIONS: z.coerce
            .number("must be a whole number")
            .int()
            .min(1)
            .max(65_536)
            .describe("Dimensions of the model's vectors"),
        }),
      ],
      { error: "must be hashing or openai" },
    )
    .describe("Which model makes the vectors: `hashing` or `openai`"),
);

export function openEmbedder(config: z.infer<typeof embedding>, now: () => number): Embedder {
  if (config.EMBEDDER === "hashing") return hashingEmbedder();
  return openAiEmbedder({
    url: config.EMBEDDING_URL,
    apiKey: config.EMBEDDING_API_KEY,
    model: config.EMBEDDING_MODEL,
    dimensions: config.EMBEDDING_DIMENSIONS,
    now,
  });
}
