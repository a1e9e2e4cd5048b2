import * as z from "zod";

export const qdrantVariables = {
  /** `https://host` or `http://host:6333`; a path in front of the API may follow. */
  QDRANT_URL: z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" }),
  /** A Qdrant without one takes requests from everybody. */
  QDRANT_API_KEY: z.string().optional(),
};

export const collectionVariables = {
  ...qdrantVariables,
  /** What the names of collections begin with: two stages on one server have two. */
  QDRANT_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, "must be 1 to 64 of the characters A-Z a-z 0-9 _ -")
    .default("warren"),
};
