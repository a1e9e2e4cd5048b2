import * as z from "zod";
import { ledger } from "../../lib/config.ts";
import { RATE, rate, sending, UNCERTAIN, whenUncertain } from "../../kit/sending/config.ts";

const mailVariables = {
  SMTP_URL: z
    .url({ protocol: /^smtps?$/, error: "must be an smtp:// or smtps:// URL" })
    .describe("`smtp://user:password@host:587` (STARTTLS) or `smtps:` (TLS from the start)"),
  MAIL_FROM: z
    .string()
    .regex(
      /^([^<>"\p{Cc}]{1,100} <)?[^\s@<>",;:]{1,64}@[^\s@<>",;:]{1,189}>?$/u,
      "must look like Shop <shop@example.com>",
    )
    .describe("Sender: `shop@example.com` or `Shop <shop@example.com>`"),
  MAIL_UNSUBSCRIBE: z
    .string()
    .regex(/^(https:\/\/|mailto:)[^\s<>\p{Cc}]+$/u, "must be an https:// or mailto: URL")
    .optional()
    .describe(
      "Unsubscribe link with `{tenant}`, `{recipient}`, `{kind}`. Without it: a mail to the sender",
    ),
  MAIL_RATE: rate.default(50).describe(RATE),
  // A second copy has the same Message-ID, by which many mailboxes drop it.
  MAIL_WHEN_UNCERTAIN: whenUncertain.default("resend").describe(UNCERTAIN),
};

export const config = z.object({ ...sending, ...mailVariables }).and(ledger);
