import { join } from "node:path";
import { readConfig } from "../../lib/config.ts";
import { senderHandler } from "../../kit/sending/sender-handler.ts";
import { botApi } from "./bot-api.ts";
import { config } from "./config.ts";
import { telegram } from "./consumer.ts";

const settings = readConfig(config, process.env);

export const { handler, prepare, metrics, close } = senderHandler(
  {
    ...telegram,
    transport: () =>
      botApi({ url: settings.TELEGRAM_URL, token: settings.TELEGRAM_TOKEN, now: Date.now }),
    templates: join(import.meta.dirname, "templates"),
    perSecond: settings.TELEGRAM_RATE,
    whenUncertain: settings.TELEGRAM_WHEN_UNCERTAIN,
  },
  settings,
);
