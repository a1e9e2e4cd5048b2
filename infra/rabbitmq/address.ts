import * as z from "zod";
import { readConfig, variables } from "../../lib/config.ts";

const config = z.object({
  RABBITMQ_URL: variables.RABBITMQ_URL,
  RABBITMQ_MANAGEMENT_URL: z.url().optional(),
});

export type Broker = { url: string; managementUrl: string | undefined };

/** The broker that the tools talk to: RABBITMQ_URL. Throws ConfigError. */
export async function brokerConfig(env = process.env): Promise<Broker> {
  const { RABBITMQ_URL, RABBITMQ_MANAGEMENT_URL } = readConfig(config, env);
  return { url: RABBITMQ_URL, managementUrl: RABBITMQ_MANAGEMENT_URL };
}
