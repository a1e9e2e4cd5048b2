import * as z from "zod";

/** Identifies an entity within its tenant. Numbers become strings: 100 and "100" are the same product. */
export const entityId = z
  .union([z.string().regex(/^[^\p{Cc}]{1,200}$/u), z.int().nonnegative()], {
    error: "must be a string of 1 to 200 characters or a whole number",
  })
  .transform(String);

/** One line for people. */
export const line = z.string().min(1).max(500);

/** Checks only the shape. Only sending a mail shows whether the address works. */
export const email = z
  .string()
  .regex(/^[^\s@]{1,64}@[^\s@]{1,189}$/, "must look like name@example.com");

/** A language, perhaps with script and region (BCP 47). */
export const locale = z
  .string()
  .max(35)
  .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, "must be a language such as uk or en-GB");

/** A Telegram chat: a number, negative for groups, or `@name` of a public channel. */
export const chatId = z
  .union([z.string().regex(/^(-?\d{1,20}|@\w{4,32})$/), z.int()], {
    error: "must be a number or @name",
  })
  .transform(String);

/** The URL of a push service. Requires TLS, except on this machine. */
const pushEndpoint = z
  .url({ protocol: /^https?$/, error: "must be an https:// URL" })
  .max(2_000)
  .refine((url) => url.startsWith("https:") || new URL(url).hostname === "127.0.0.1", {
    error: "must be an https:// URL",
  });

/** The subscription that a browser creates when a user allows notifications (W3C Push API, PushSubscription). */
export const pushSubscriptions = z
  .array(
    z.looseObject({
      endpoint: pushEndpoint,
      keys: z.looseObject({ p256dh: base64url(200), auth: base64url(100) }),
    }),
  )
  .max(20);

/** All current watchers of a ticket. */
export const watcherIds = z.array(entityId).max(100);

/** The name of a template or of a kind of message. Also part of a file name. */
export const dottedName = z
  .string()
  .max(64)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/,
    "must be 1 to 64 of the characters A-Z a-z 0-9 _ - and single dots between them",
  );

/** A person's name and addresses. All fields are optional. */
export const contact = z.looseObject({
  email: email.optional(),
  name: line.optional(),
  phone: line.optional(),
  locale: locale.optional(),
  telegram_chat_id: chatId.optional(),
  push_subscriptions: pushSubscriptions.optional(),
});

function base64url(max: number) {
  return z
    .string()
    .max(max)
    .regex(/^[A-Za-z0-9_-]+=*$/, "must be base64url");
}
