import { handle } from "hono/aws-lambda";
import { readConfig } from "../../lib/config.ts";
import { logger } from "../../lib/log.ts";
import { createMetrics } from "../../lib/metrics.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { createApp } from "./app.ts";
import { config } from "./config.ts";
import { eventIds } from "./event-id.ts";
import { fileKeys } from "./keys.ts";

const { RABBITMQ_URL, LOG_LEVEL, API_KEYS_FILE } = readConfig(config, process.env);
const log = logger({ level: LOG_LEVEL, name: "ingest" });
const publisher = rabbitPublisher({ url: RABBITMQ_URL, name: "ingest", timeoutMs: 5_000, log });

export const metrics = createMetrics();

/** Served by the host and by local tools. */
export const app = createApp({
  publish: (message) => publisher.publish(message),
  ready: () => publisher.ready(),
  keys: fileKeys(API_KEYS_FILE, { now: Date.now, log }),
  metrics,
  log,
  newId: eventIds(Date.now),
  now: Date.now,
  bodyTimeoutMs: 10_000,
});

/** The same behind an API Gateway. */
export const handler = handle(app);

/** Waits for the broker's verdict on what was accepted, then disconnects. */
export const close = (): Promise<void> => publisher.close();
