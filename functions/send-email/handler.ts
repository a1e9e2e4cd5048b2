import { join } from "node:path";
import { readConfig } from "../../lib/config.ts";
import { senderHandler } from "../../kit/sending/sender-handler.ts";
import { config } from "./config.ts";
import { CONNECTIONS, email } from "./consumer.ts";
import { smtp } from "./smtp.ts";

const settings = readConfig(config, process.env);

export const { handler, prepare, metrics, close } = senderHandler(
  {
    ...email,
    transport: () =>
      smtp({
        url: settings.SMTP_URL,
        sender: { from: settings.MAIL_FROM, unsubscribe: settings.MAIL_UNSUBSCRIBE },
        connections: CONNECTIONS,
        now: Date.now,
      }),
    templates: join(import.meta.dirname, "templates"),
    perSecond: settings.MAIL_RATE,
    whenUncertain: settings.MAIL_WHEN_UNCERTAIN,
  },
  settings,
);
