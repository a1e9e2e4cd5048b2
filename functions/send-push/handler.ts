import { join } from "node:path";
import { readConfig } from "../../lib/config.ts";
import { logger } from "../../lib/log.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { EVENTS_EXCHANGE } from "../../lib/rabbit/names.ts";
import { senderHandler } from "../../kit/sending/sender-handler.ts";
import { config } from "./config.ts";
import { accepts, name, push } from "./consumer.ts";
import { devices, forgetting } from "./devices.ts";
import { webPush } from "./web-push.ts";

const settings = readConfig(config, process.env);
const { RABBITMQ_URL: url, LOG_LEVEL: level } = settings;
const publisher = rabbitPublisher({ url, name, log: logger({ level, name }) });
const [routingKey] = accepts;

export const { handler, prepare, metrics, close } = senderHandler(
  {
    ...push,
    recipients: ({ directory }) =>
      devices({
        directory,
        publish: (request) =>
          publisher.publish({
            exchange: EVENTS_EXCHANGE,
            routingKey,
            body: Buffer.from(JSON.stringify(request)),
          }),
      }),
    transport: ({ directory, onSkipped }) => ({
      ...forgetting(
        webPush({
          vapid: {
            subject: settings.PUSH_SUBJECT,
            publicKey: settings.PUSH_PUBLIC_KEY,
            privateKey: settings.PUSH_PRIVATE_KEY,
          },
          services: settings.PUSH_SERVICES,
          now: Date.now,
        }),
        { directory, onGone: (kind) => onSkipped({ kind, why: "gone" }) },
      ),
      close: () => publisher.close(),
    }),
    templates: join(import.meta.dirname, "templates"),
    perSecond: settings.PUSH_RATE,
    whenUncertain: settings.PUSH_WHEN_UNCERTAIN,
  },
  settings,
);
