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

const smsVariables = {
  SMS_URL: httpUrl.default("https://api.twilio.com").describe("Twilio's API, or a compatible one"),
  SMS_ACCOUNT: z.string().describe("Account SID"),
  SMS_TOKEN: z.string().describe("Auth token"),
  SMS_FROM: z.string().describe("Sender: a number of the account, or a name where that is allowed"),
  SMS_RATE: rate.default(10).describe(RATE),
  // Nothing tells a second SMS from the first.
  SMS_WHEN_UNCERTAIN: whenUncertain.default("dead-letter").describe(UNCERTAIN),
};

export const config = z.object({ ...sending, ...smsVariables }).and(ledger);
