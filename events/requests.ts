import * as z from "zod";
import { contract } from "./contract.ts";
import { chatId, dottedName, email, entityId, line } from "./fields.ts";

/*
 * Requests to send one message to one recipient. functions/notifier creates them from other events. Each
 * channel's sender consumes the requests of its channel.
 */

export const channel = z.enum(["email", "sms", "push", "telegram"]);

/** The kind of a message, such as `order.confirmed`. Recipients can opt out of a kind. */
export const kind = dottedName;

/** Names a template of the channel. */
const template = dottedName;

const user = z.strictObject({ user_id: entityId });
const forWhom = <To extends z.ZodType>(to: To) =>
  z.looseObject({ kind, to, template, data: z.record(z.string(), z.unknown()) });

/** The entity is the recipient, the only thing that all requests have. */
const terms = {
  version: "1.0",
  internal: true,
  key: ({ to }: { to: Record<string, string> }) => Object.values(to).join(),
} as const;

const order = { kind: "order.shipped", template: "order.shipped", data: { order_id: "order_xyz" } };

export const requests = [
  contract({
    ...terms,
    type: "email.requested",
    meaning: "One recipient is to get a mail.",
    data: forWhom(z.union([user, z.strictObject({ address: email })])),
    sample: { ...order, to: { user_id: "cust_123" } },
  }),
  contract({
    ...terms,
    type: "sms.requested",
    meaning: "One recipient is to get a text message.",
    data: forWhom(z.union([user, z.strictObject({ phone: line })])),
    sample: { ...order, to: { user_id: "cust_123" } },
  }),
  contract({
    ...terms,
    type: "push.requested",
    meaning: "One recipient is to get a notification in the browser.",
    // For one of a user's devices. Only functions/send-push creates such a request.
    data: forWhom(z.union([user, z.strictObject({ user_id: entityId, endpoint: z.url() })])),
    sample: { ...order, to: { user_id: "cust_123" } },
  }),
  contract({
    ...terms,
    type: "telegram.requested",
    meaning: "One recipient is to get a message in Telegram.",
    data: forWhom(z.union([user, z.strictObject({ chat_id: chatId })])),
    sample: {
      kind: "notification",
      template: "notification",
      to: { chat_id: "-1001" },
      data: { message: "Stock is low." },
    },
  }),
] as const;
