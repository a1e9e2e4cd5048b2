import { type EventType, parserOf } from "../../events/catalogue.ts";
import { addressed } from "../../kit/sending/recipients.ts";

/** Bound to this function's queue (infra/rabbitmq). */
export const accepts = ["telegram.requested"] as const satisfies EventType[];

export const name = "send-telegram";

export const telegram = {
  name,
  concurrency: 8,
  parse: parserOf(accepts),
  recipients: addressed("telegram"),
};
