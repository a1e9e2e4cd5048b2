import * as z from "zod";
import { contract } from "./contract.ts";
import { chatId, email, entityId, line, dottedName } from "./fields.ts";

/** Telegram's limit. SMS and push have lower limits, which their senders check. */
const message = z.string().min(1).max(4_096);

const byEmail = z.looseObject({
  template: dottedName,
  recipient: email,
  /** The variables of the template. */
  data: z.record(z.string(), z.unknown()).optional(),
});

const bySms = z.looseObject({ phone: line, message });

const byPush = z.looseObject({ user_id: entityId, message, title: line.optional() });

const byTelegram = z.looseObject({ chat_id: chatId, message });

const version = "1.0";

export const notifications = [
  contract({
    type: "notification.email",
    meaning: "An address is to get a mail made from a template.",
    version,
    data: byEmail,
    key: ({ recipient }) => recipient,
    sample: {
      template: "notification",
      recipient: "olena@example.com",
      data: { title: "Your order", message: "It waits at the counter." },
    },
  }),
  contract({
    type: "notification.sms",
    meaning: "A phone is to get a text message.",
    version,
    data: bySms,
    key: ({ phone }) => phone,
    sample: { phone: "+380441234567", message: "Your code is 4711." },
  }),
  contract({
    type: "notification.push",
    meaning: "A user's browsers are to show a notification.",
    version,
    data: byPush,
    key: ({ user_id }) => user_id,
    sample: { user_id: "user_1", title: "Your order", message: "It waits at the counter." },
  }),
  contract({
    type: "notification.telegram",
    meaning: "A Telegram chat is to get a message.",
    version,
    data: byTelegram,
    key: ({ chat_id }) => chat_id,
    sample: { chat_id: "-1001234567890", message: "Low stock: SKU001." },
  }),
] as const;
