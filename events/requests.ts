import * as z from "zod";
import { contract } from "./contract.ts";
import { email, entityId, line } from "./fields.ts";

/*
 * Requests to send one message to one recipient. functions/notifier makes them of other events, and
 * each channel's sender consumes its own.
 */

export const channel = z.enum(["email", "sms", "push", "telegram"]);

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/;
const name = z
  .string()
  .max(64)
  .regex(NAME, "must be 1 to 64 of the characters A-Z a-z 0-9 _ - and single dots between them");

/** Why a message is sent, such as `order.confirmed`: what recipients can opt out of. */
export const kind = name;

/** Names a template of the channel. */
const template = name;

/** Telegram's ids of groups are negative. */
const chatId = z.union([entityId, z.int().transform(String)]);

const user = z.strictObject({ user_id: entityId });
const forWhom = <To extends z.ZodType>(to: To) =>
  z.looseObject({ kind, to, template, data: z.record(z.string(), z.unknown()) });

/** The entity is the recipient, since nothing else is common to all requests. */
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
    data: forWhom(z.union([user, z.strictObject({ address: email })])),
    sample: { ...order, to: { user_id: "cust_123" } },
  }),
  contract({
    ...terms,
    type: "sms.requested",
    data: forWhom(z.union([user, z.strictObject({ phone: line })])),
    sample: { ...order, to: { user_id: "cust_123" } },
  }),
  contract({
    ...terms,
    type: "push.requested",
    data: forWhom(user),
    sample: { ...order, to: { user_id: "cust_123" } },
  }),
  contract({
    ...terms,
    type: "telegram.requested",
    data: forWhom(z.union([user, z.strictObject({ chat_id: chatId })])),
    sample: {
      kind: "notification",
      template: "notification",
      to: { chat_id: "-1001" },
      data: { message: "Stock is low." },
    },
  }),
] as const;
