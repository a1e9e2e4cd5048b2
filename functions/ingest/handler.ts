import { handle } from "hono/aws-lambda";
import { readConfig } from "../../lib/config.ts";
import { openExposition } from "../../lib/lambda/exposition.ts";
import { logger } from "../../lib/log.ts";
import { observedPublisher } from "../../lib/rabbit/observed-publisher.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { createApp } from "./app.ts";
import { config } from "./config.ts";
import { eventIds } from "./event-id.ts";
import { fileKeys } from "./keys.ts";

const name = "ingest";
const settings = readConfig(config, process.env);
const { RABBITMQ_URL: url, LOG_LEVEL, API_KEYS_FILE } = settings;
const log = logger({ level: LOG_LEVEL, name });
const exposition = openExposition({ config: settings, log });

export const { metrics } = exposition;

const publisher = observedPublisher(rabbitPublisher({ url, name, timeoutMs: 5_000, log }), {
  name,
  metrics,
});

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
export const handler = exposition.exposed(handle(app));

/** Waits for the broker's verdict on what was accepted, then disconnects. */
export const close = (): Promise<void> => publisher.close();
