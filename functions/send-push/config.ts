import * as z from "zod";
import { ledger } from "../../lib/config.ts";
import { rate, sending, whenUncertain } from "../../kit/sending/config.ts";

export const pushVariables = {
  /** Whom a push service writes to when something is wrong with what we send. */
  PUSH_SUBJECT: z.string().regex(/^(mailto:|https:\/\/)\S+$/, "must be a mailto: or https:// URL"),
  /** VAPID, base64url; `npx web-push generate-vapid-keys` makes a pair. Browsers subscribe with the public one. */
  PUSH_PUBLIC_KEY: z
    .string()
    .regex(/^[\w-]{87}$/, "must be a VAPID key: 87 characters of base64url"),
  PUSH_PRIVATE_KEY: z
    .string()
    .regex(/^[\w-]{43}$/, "must be a VAPID key: 43 characters of base64url"),
  /**
   * Hosts of push services, with their subdomains: nothing else is posted to. A host that is named
   * itself is waited for when it is silent; a subdomain once it has answered.
   */
  PUSH_SERVICES: z
    .string()
    .transform((list) => list.split(",").map((host) => host.trim()))
    .pipe(z.array(z.string().regex(/^[\w.-]+$/, "must be host names")).min(1))
    .prefault(
      "fcm.googleapis.com,updates.push.services.mozilla.com,push.services.mozilla.com,web.push.apple.com,push.apple.com,notify.windows.com",
    ),
  PUSH_RATE: rate.default(100),
  /** A second notification replaces the first where the page shows it under its `tag`. */
  PUSH_WHEN_UNCERTAIN: whenUncertain.default("dead-letter"),
};

export const config = z.object({ ...sending, ...pushVariables }).and(ledger);
