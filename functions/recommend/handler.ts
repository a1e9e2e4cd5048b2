import { openEmbedder } from "../../kit/embedding/open-embedder.ts";
import { httpFunction } from "../../kit/http/http-function.ts";
import { readConfig } from "../../lib/config.ts";
import { createApp } from "./app.ts";
import { config as schema } from "./config.ts";
import { neo4jPurchases } from "./purchases.ts";
import { qdrantVectors } from "./vectors.ts";

const config = readConfig(schema, process.env);
const now = Date.now;

export const { app, handler, metrics, close } = await httpFunction({
  name: "recommend",
  config,
  open(tools) {
    const purchases = neo4jPurchases({
      server: {
        url: config.NEO4J_URL,
        user: config.NEO4J_USER,
        password: config.NEO4J_PASSWORD,
      },
      now,
    });
    const vectors = qdrantVectors({
      server: { url: config.QDRANT_URL, apiKey: config.QDRANT_API_KEY },
      prefix: config.QDRANT_PREFIX,
      now,
    });
    const embedder = openEmbedder(config, now);
    return {
      app: createApp({ ...tools, vectors, purchases, embedder, now }),
      close: () => purchases.close(),
    };
  },
});
