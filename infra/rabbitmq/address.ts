import * as z from "zod";
import { readConfig, variables } from "../../lib/config.ts";
import { aliased } from "../../lib/config-aliases.ts";
import { addressOf, DEV } from "../local/instance.ts";
import { rabbitmq } from "../local/rabbitmq.ts";

const config = z.object({
  RABBITMQ_URL: variables.RABBITMQ_URL,
  RABBITMQ_MANAGEMENT_URL: z.url().optional(),
});

export type BrokerAddress = { url: string; managementUrl: string | undefined };

/**
 * The broker that the tools talk to: RABBITMQ_URL (and RABBITMQ_MANAGEMENT_URL), else the one that
 * `npm start` runs on this machine. Throws ConfigError when there is neither.
 */
export async function brokerAddress(env: NodeJS.ProcessEnv): Promise<BrokerAddress> {
  const local = aliased(env).env["RABBITMQ_URL"] ? {} : await addressOf(DEV, rabbitmq, {});
  const { RABBITMQ_URL, RABBITMQ_MANAGEMENT_URL } = readConfig(config, { ...env, ...local });
  return { url: RABBITMQ_URL, managementUrl: RABBITMQ_MANAGEMENT_URL };
}
