import * as z from "zod";
import { ConfigError, readConfig, variables } from "../../lib/config.ts";
import { aliased } from "../../lib/config-aliases.ts";
import { addressOf, DEV } from "../service/instance.ts";
import { rabbitmq } from "./service.ts";

const config = z.object({
  RABBITMQ_URL: variables.RABBITMQ_URL,
  RABBITMQ_MANAGEMENT_URL: z.url().optional(),
});

type BrokerAddress = { url: string; managementUrl: string | undefined };

/**
 * The broker for the command-line tools: RABBITMQ_URL (and RABBITMQ_MANAGEMENT_URL), else the one that
 * `npm start` runs on this machine. Throws ConfigError when there is neither.
 */
export async function brokerAddress(
  env: NodeJS.ProcessEnv,
  directory: string = DEV,
): Promise<BrokerAddress> {
  const given = aliased(env);
  const isGiven = given.env["RABBITMQ_URL"] || given.problems.length > 0;
  const local = isGiven ? {} : await addressOf(directory, rabbitmq, {});
  if (local === undefined) {
    throw new ConfigError(
      "No broker found. Set RABBITMQ_URL, or run `npm start` (`npm run status` shows what runs).",
    );
  }
  const { RABBITMQ_URL, RABBITMQ_MANAGEMENT_URL } = readConfig(config, { ...env, ...local });
  return { url: RABBITMQ_URL, managementUrl: RABBITMQ_MANAGEMENT_URL };
}
