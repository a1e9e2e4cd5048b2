import * as z from "zod";
import { mailVariables } from "../../functions/send-email/config.ts";
import { pushVariables } from "../../functions/send-push/config.ts";
import { smsVariables } from "../../functions/send-sms/config.ts";
import { telegramVariables } from "../../functions/send-telegram/config.ts";
import { readConfig } from "../../lib/config.ts";
import type { Address } from "../service/service.ts";

/** `says`: whoever sets one of these has the channel's messages go elsewhere. */
const channels = [
  { says: ["SMTP_URL"], reads: mailVariables },
  { says: ["SMS_URL", "SMS_ACCOUNT", "SMS_TOKEN"], reads: smsVariables },
  { says: ["TELEGRAM_URL", "TELEGRAM_TOKEN"], reads: telegramVariables },
  { says: ["PUSH_PUBLIC_KEY", "PUSH_PRIVATE_KEY"], reads: pushVariables },
];

/**
 * The names of variables that ends on this machine must not fill in: half of one's own channel and half
 * of theirs would send real mail from example.com, or messages for people to nobody. Throws ConfigError
 * when such a channel is not wholly set.
 */
export function namesOfOwnChannels(env: NodeJS.ProcessEnv): Set<string> {
  const own = channels.filter(({ says }) => says.some((name) => env[name]));
  const reads = Object.assign({}, ...own.map((channel) => channel.reads)) as z.ZodRawShape;
  readConfig(z.object(reads), env);
  return new Set(Object.keys(reads));
}

/** `address` as it is for somebody who has set channels of their own. Throws ConfigError. */
export function withoutOwnChannels(address: Address, env: NodeJS.ProcessEnv): Address {
  const own = namesOfOwnChannels(env);
  return Object.fromEntries(Object.entries(address).filter(([name]) => !own.has(name)));
}
