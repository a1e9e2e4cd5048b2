import * as z from "zod";
import { ledger } from "../../lib/config.ts";
import { httpUrl, rate, sending, whenUncertain } from "../../kit/sending/config.ts";

export const smsVariables = {
  /** Of Twilio's API, or one like it. */
  SMS_URL: httpUrl.default("https://api.twilio.com"),
  SMS_ACCOUNT: z.string(),
  SMS_TOKEN: z.string(),
  /** A number of the account, or a name where that is allowed. */
  SMS_FROM: z.string(),
  SMS_RATE: rate.default(10),
  /** Nothing tells a second SMS from the first. */
  SMS_WHEN_UNCERTAIN: whenUncertain.default("dead-letter"),
};

export const config = z.object({ ...sending, ...smsVariables }).and(ledger);
