import * as z from "zod";
import { ledger } from "../../lib/config.ts";
import { RATE, rate, sending, UNCERTAIN, whenUncertain } from "../../kit/sending/config.ts";

const pushVariables = {
  PUSH_SUBJECT: z
    .string()
    .regex(/^(mailto:|https:\/\/)\S+$/, "must be a mailto: or https:// URL")
    .describe("Contact for push services: a `mailto:` or `https:` URL"),
  PUSH_PUBLIC_KEY: z
    .string()
    .regex(/^[\w-]{87}$/, "must be a VAPID key: 87 characters of base64url")
    .describe("VAPID public key, with which browsers subscribe"),
  PUSH_PRIVATE_KEY: z
    .string()
    .regex(/^[\w-]{43}$/, "must be a VAPID key: 43 characters of base64url")
    .describe("VAPID private key; `npx web-push generate-vapid-keys` makes a pair"),
  // An outage of a listed host holds the batch; that of a subdomain does so once it has answered.
  PUSH_SERVICES: z
    .string()
    .transform((list) => list.split(",").map((host) => host.trim()))
    .pipe(z.array(z.string().regex(/^[\w.-]+$/, "must be host names")).min(1))
    .prefault(
      "fcm.googleapis.com,updates.push.services.mozilla.com,push.services.mozilla.com,web.push.apple.com,push.apple.com,notify.windows.com",
    )
    .describe("Allowed hosts of push services, with their subdomains"),
  PUSH_RATE: rate.default(100).describe(RATE),
  // A second notification replaces the first if the page shows it under its `tag`.
  PUSH_WHEN_UNCERTAIN: whenUncertain.default("dead-letter").describe(UNCERTAIN),
};

export const config = z.object({ ...sending, ...pushVariables }).and(ledger);
