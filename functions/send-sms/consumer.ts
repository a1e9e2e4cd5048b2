import { type EventType, parserOf } from "../../events/catalogue.ts";
import { addressed } from "../../kit/sending/recipients.ts";

/** Bound to this function's queue (infra/rabbitmq). */
export const accepts = ["sms.requested"] as const satisfies EventType[];

export const name = "send-sms";

export const sms = {
  name,
  concurrency: 4,
  parse: parserOf(accepts),
  recipients: addressed("sms"),
};
