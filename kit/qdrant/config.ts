import * as z from "zod";

export const qdrantVariables = {
  QDRANT_URL: z
    .url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" })
    .describe("Qdrant's address, such as `http://host:6333`; may end in a path prefix"),
  QDRANT_API_KEY: z
    .string()
    .optional()
    .describe("Qdrant's API key. A Qdrant without one accepts every request"),
};

export const collectionVariables = {
  ...qdrantVariables,
  QDRANT_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, "must be 1 to 64 of the characters A-Z a-z 0-9 _ -")
    .default("warren")
    .describe("Collection name prefix. Give each stage on one server a different one"),
};
