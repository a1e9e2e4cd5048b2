import * as z from "zod";
import { ledger } from "../../lib/config.ts";
import { rate, sending, whenUncertain } from "../../kit/sending/config.ts";

export const mailVariables = {
  /** `smtp://user:password@host:587` (STARTTLS) or `smtps:` (TLS from the start). */
  SMTP_URL: z.url({ protocol: /^smtps?$/, error: "must be an smtp:// or smtps:// URL" }),
  /** `shop@example.com`, or `Shop <shop@example.com>`. */
  MAIL_FROM: z
    .string()
    .regex(
      /^([^<>"\p{Cc}]{1,100} <)?[^\s@<>",;:]{1,64}@[^\s@<>",;:]{1,189}>?$/u,
      "must look like Shop <shop@example.com>",
    ),
  /** With `{tenant}`, `{recipient}` and `{kind}` to be filled in; else it is a mail to the sender. */
  MAIL_UNSUBSCRIBE: z
    .string()
    .regex(/^(https:\/\/|mailto:)[^\s<>\p{Cc}]+$/u, "must be an https:// or mailto: URL")
    .optional(),
  MAIL_RATE: rate.default(50),
  /** A second copy has the same Message-ID, by which many mailboxes drop it. */
  MAIL_WHEN_UNCERTAIN: whenUncertain.default("resend"),
};

export const config = z.object({ ...sending, ...mailVariables }).and(ledger);
