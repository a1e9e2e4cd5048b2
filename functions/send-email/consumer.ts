import { type EventType, parserOf } from "../../events/catalogue.ts";
import { addressed } from "../../kit/sending/recipients.ts";

/** Bound to this function's queue (infra/rabbitmq). */
export const accepts = ["email.requested"] as const satisfies EventType[];

export const name = "send-email";

/** To the mail server, one mail at a time on each. */
export const CONNECTIONS = 8;

/** Mails at once: while some are with the server, others are claimed and recorded (`npm run bench -- mail`). */
const CONCURRENCY = 24;

export const email = {
  name,
  concurrency: CONCURRENCY,
  parse: parserOf(accepts),
  recipients: addressed("email"),
};
