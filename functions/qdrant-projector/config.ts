import * as z from "zod";

export const qdrantVariables = {
  /** `http://host:6333` or `https://…`; a path in front of the API is kept. */
  QDRANT_URL: z.url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" }),
  /** A Qdrant without one takes requests from everybody. */
  QDRANT_API_KEY: z.string().optional(),
};
