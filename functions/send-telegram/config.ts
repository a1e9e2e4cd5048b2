import * as z from "zod";
import { ledger } from "../../lib/config.ts";
import { httpUrl, rate, sending, whenUncertain } from "../../kit/sending/config.ts";

export const telegramVariables = {
  /** Of the Bot API, or of a server of one's own. */
  TELEGRAM_URL: httpUrl.default("https://api.telegram.org"),
  TELEGRAM_TOKEN: z.string().regex(/^[\w:-]+$/, "must be a bot's token"),
  /** The Bot API takes about 30 a second (https://core.telegram.org/bots/faq). */
  TELEGRAM_RATE: rate.default(25),
  /** Nothing tells a second message from the first. */
  TELEGRAM_WHEN_UNCERTAIN: whenUncertain.default("dead-letter"),
};

export const config = z.object({ ...sending, ...telegramVariables }).and(ledger);
