import { join } from "node:path";
import { readConfig } from "../../lib/config.ts";
import { senderHandler } from "../../kit/sending/sender-handler.ts";
import { config } from "./config.ts";
import { sms } from "./consumer.ts";
import { twilio } from "./twilio.ts";

const settings = readConfig(config, process.env);

export const { handler, prepare, metrics, close } = senderHandler(
  {
    ...sms,
    transport: () =>
      twilio({
        url: settings.SMS_URL,
        account: settings.SMS_ACCOUNT,
        token: settings.SMS_TOKEN,
        from: settings.SMS_FROM,
        now: Date.now,
      }),
    templates: join(import.meta.dirname, "templates"),
    perSecond: settings.SMS_RATE,
    whenUncertain: settings.SMS_WHEN_UNCERTAIN,
  },
  settings,
);
