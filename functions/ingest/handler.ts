import { handle } from "hono/aws-lambda";
import { readConfig } from "../../lib/config.ts";
import { openKeys } from "../../kit/http/open-keys.ts";
import { openExposition } from "../../lib/runtime/exposition.ts";
import { logger } from "../../lib/log.ts";
import { observedPublisher } from "../../lib/runtime/observed.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { createApp } from "./app.ts";
import { config } from "./config.ts";
import { eventIds } from "./event-id.ts";

const name = "ingest";
const settings = readConfig(config, process.env);
const { RABBITMQ_URL: url, LOG_LEVEL } = settings;
const log = logger({ level: LOG_LEVEL, name });
const exposition = openExposition({ config: settings, log });

export const { metrics } = exposition;

const keys = await openKeys(settings.keys, { now: Date.now, log });
const publisher = observedPublisher(rabbitPublisher({ url, name, timeoutMs: 5_000, log }), {
  name,
  metrics,
});

/** Served by the host and by local tools. */
export const app = createApp({
  publish: (message) => publisher.publish(message),
  ready: () => publisher.ready(),
  keys,
  metrics,
  log,
  newId: eventIds(Date.now),
  now: Date.now,
  bodyTimeoutMs: 10_000,
});

/** The same behind an API Gateway. */
export const handler = exposition.exposed(handle(app));

/** Waits for the broker's verdict on what was accepted, then disconnects. */
export async function close(): Promise<void> {
  await publisher.close();
  keys.close();
}
