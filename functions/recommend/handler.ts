import { handle } from "hono/aws-lambda";
import { readConfig } from "../../lib/config.ts";
import { openEmbedder } from "../../kit/embedding/open-embedder.ts";
import { openKeys } from "../../kit/http/open-keys.ts";
import { openExposition } from "../../lib/runtime/exposition.ts";
import { logger } from "../../lib/log.ts";
import { createApp } from "./app.ts";
import { config } from "./config.ts";
import { neo4jPurchases } from "./purchases.ts";
import { qdrantVectors } from "./vectors.ts";

const settings = readConfig(config, process.env);
const log = logger({ level: settings.LOG_LEVEL, name: "recommend" });
const exposition = openExposition({ config: settings, log });

export const { metrics } = exposition;

const now = Date.now;
const keys = await openKeys(settings.keys, { now, log });
const purchases = neo4jPurchases({
  server: {
    url: settings.NEO4J_URL,
    user: settings.NEO4J_USER,
    password: settings.NEO4J_PASSWORD,
  },
  now,
});

/** Served by the host and by local tools. */
export const app = createApp({
  keys,
  vectors: qdrantVectors({
    server: { url: settings.QDRANT_URL, apiKey: settings.QDRANT_API_KEY },
    prefix: settings.QDRANT_PREFIX,
    now,
  }),
  purchases,
  embedder: openEmbedder(settings, now),
  metrics,
  log,
  now,
});

/** The same behind an API Gateway. */
export const handler = exposition.exposed(handle(app));

export async function close(): Promise<void> {
  keys.close();
  await purchases.close();
}
