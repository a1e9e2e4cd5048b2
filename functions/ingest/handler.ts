import { httpFunction } from "../../kit/http/http-function.ts";
import { readConfig } from "../../lib/config.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { createApp } from "./app.ts";
import { config as schema } from "./config.ts";
import { eventIds } from "./accept.ts";

const name = "ingest";
const config = readConfig(schema, process.env);

export const { app, handler, metrics, close } = await httpFunction({
  name,
  config,
  open({ log, ...tools }) {
    const { metrics } = tools;
    const publisher = rabbitPublisher({ url: config.RABBITMQ_URL, name, log, metrics });
    return {
      app: createApp({
        ...tools,
        log,
        publisher,
        newId: eventIds(Date.now),
        now: Date.now,
        bodyTimeoutMs: 10_000,
      }),
      close: () => publisher.close(),
    };
  },
});
