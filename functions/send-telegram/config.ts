import * as z from "zod";
import { ledger } from "../../lib/config.ts";
import {
  httpUrl,
  RATE,
  rate,
  sending,
  UNCERTAIN,
  whenUncertain,
} from "../../kit/sending/config.ts";

const telegramVariables = {
  TELEGRAM_URL: httpUrl
    .default("https://api.telegram.org")
    .describe("The Bot API, or your own Bot API server"),
  TELEGRAM_TOKEN: z
    .string()
    .regex(/^[\w:-]+$/, "must be a bot's token")
    .describe("The bot's token"),
  // The Bot API takes about 30 a second (https://core.telegram.org/bots/faq).
  TELEGRAM_RATE: rate.default(25).describe(RATE),
  // Nothing tells a second message from the first.
  TELEGRAM_WHEN_UNCERTAIN: whenUncertain.default("dead-letter").describe(UNCERTAIN),
};

export const config = z.object({ ...sending, ...telegramVariables }).and(ledger);
