import { addressOf, DEV } from "./instance.ts";
import type { Service } from "./service.ts";

/**
 * `env` as a tool reads it: with the address of the service that `npm start` runs on this machine, unless
 * `env` names one. Without either it lacks the address, as the tool then says.
 */
export async function orLocal(
  service: Service,
  env: NodeJS.ProcessEnv,
  directory: string = DEV,
): Promise<NodeJS.ProcessEnv> {
  return { ...env, ...(await addressOf(directory, service, env)) };
}
