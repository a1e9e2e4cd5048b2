import { type EventType, parserOf } from "../../events/catalogue.ts";
import { addressed } from "../../kit/sending/recipients.ts";
import type { Channel } from "../../kit/sending/sender-handler.ts";

/** Bound to this function's queue (infra/rabbitmq). */
export const accepts = ["sms.requested"] as const satisfies EventType[];

export const name = "send-sms";

export const sms = {
  name,
  concurrency: 4,
  parse: parserOf(accepts),
  recipients: ({ directory }) =>
    addressed({
      directory,
      channel: "sms",
      literal: "phone",
      addressOf: (contact) => contact.phone,
    }),
} satisfies Partial<Channel<string>>;
