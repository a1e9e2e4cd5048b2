import * as z from "zod";
import type { Place } from "../../kit/qdrant/names.ts";
import { readConfig } from "../../lib/config.ts";
import type { Env } from "../../lib/config-aliases.ts";
import type { Embedder } from "../../kit/embedding/embedder.ts";
import { embedding, openEmbedder } from "../../kit/embedding/open-embedder.ts";
import { collectionVariables } from "../../kit/qdrant/config.ts";
import type { Server } from "../../kit/qdrant/connect.ts";

/** Reads the server and the model from the environment, as the functions do. Throws ConfigError. */
export function readVectors(env: Env): { server: Server; place: Place; embedder: Embedder } {
  const settings = readConfig(z.object(collectionVariables).and(embedding), env);
  const embedder = openEmbedder(settings, Date.now);
  const { model, dimensions } = embedder;
  return {
    server: { url: settings.QDRANT_URL, apiKey: settings.QDRANT_API_KEY },
    place: { prefix: settings.QDRANT_PREFIX, model, dimensions },
    embedder,
  };
}
