import { readConfig } from "../../lib/config.ts";
import { openEmbedder } from "../../kit/embedding/open-embedder.ts";
import { qdrantStore } from "../../kit/qdrant/store.ts";
import { consumerHandler } from "../../lib/runtime/consumer-handler.ts";
import { config } from "./config.ts";
import { qdrantProjector } from "./consumer.ts";
import { qdrantVectors } from "./vectors.ts";

const settings = readConfig(config, process.env);
const { QDRANT_URL: url, QDRANT_API_KEY: apiKey, QDRANT_PREFIX: prefix } = settings;
const embedder = openEmbedder(settings, Date.now);
const vectors = qdrantVectors({
  store: qdrantStore({ url, apiKey }),
  embedder,
  place: { prefix, model: embedder.model, dimensions: embedder.dimensions },
  random: Math.random,
});

export const { handler, prepare, metrics, close } = consumerHandler({
  consumer: qdrantProjector(vectors),
  config: settings,
  requireSink: () => vectors.requireCollections(),
  // The client closes its idle connections itself.
  closeSink: async () => {},
});
