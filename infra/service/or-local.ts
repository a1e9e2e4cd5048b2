import { addressOf, DEV } from "./instance.ts";
import type { Service } from "./service.ts";

/**
 * `env` with the address of the service that `npm start` runs on this machine, unless `env` already has
 * one. If no service runs either, the address stays missing and the tool reports it.
 */
export async function orLocal(
  service: Service,
  env: NodeJS.ProcessEnv,
  directory: string = DEV,
): Promise<NodeJS.ProcessEnv> {
  return { ...env, ...(await addressOf(directory, service, env)) };
}
