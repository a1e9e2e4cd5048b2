import { access } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hasEngine, inCompose } from "./compose.ts";
import { dynamodb } from "./dynamodb.ts";
import { neo4j } from "./neo4j.ts";
import { rabbitmq } from "./rabbitmq.ts";
import type { Address, Place, Runner, Service } from "./service.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What `npm start` runs. The tests' instance lies in a folder of it, and neither touches the other. */
export const DEV = join(ROOT, ".warren");
export const TEST = join(DEV, "test");

export const services = [rabbitmq, dynamodb, neo4j] as const;
export type ServiceName = "rabbitmq" | "dynamodb" | "neo4j";

/** Names the table that the launcher makes in DynamoDB. */
const LEDGER_TABLE = "warren-ledger";

/**
 * Starts what does not run yet. A service whose variable is in `env` is the user's own and only
 * passed on; else it is a container where a Docker engine answers, else a native process.
 */
export async function startService(
  directory: string,
  service: Service,
  env: NodeJS.ProcessEnv,
): Promise<Address> {
  const own = ownAddress(service, env);
  if (own !== undefined) return own;

  const place = placeOf(directory, service);
  const runner = await runnerOf(place, service);
  return (await runner.address(place)) ?? (await restart(runner, place));
}

/** Ends it if it is ours; keeps its ports and data for the next start. */
export async function stopService(directory: string, service: Service): Promise<void> {
  const place = placeOf(directory, service);
  if (!(await exists(place.folder))) return;
  await (await runnerOf(place, service)).stop(place);
}

/** Where it is, or `undefined` if it does not run. */
export async function addressOf(
  directory: string,
  service: Service,
  env: NodeJS.ProcessEnv,
): Promise<Address | undefined> {
  const own = ownAddress(service, env);
  if (own !== undefined) return own;
  const place = placeOf(directory, service);
  if (!(await exists(place.folder))) return undefined;
  return (await runnerOf(place, service)).address(place);
}

/** The environment that functions get: all addresses, and the ledger's table. */
export function environmentOf(addresses: readonly Address[], env: NodeJS.ProcessEnv): Address {
  const table = { LEDGER_TABLE: env["LEDGER_TABLE"] ?? LEDGER_TABLE };
  return Object.assign(table, ...addresses) as Address;
}

/** What ran half, such as a broker whose management does not answer, is ended first. */
async function restart(runner: Runner, place: Place): Promise<Address> {
  await runner.stop(place);
  return runner.start(place);
}

function ownAddress({ variables }: Service, env: NodeJS.ProcessEnv): Address | undefined {
  if (!env[variables[0]]) return undefined;
  const given = variables.flatMap((name) => (env[name] ? [[name, env[name]]] : []));
  return Object.fromEntries(given) as Address;
}

function placeOf(directory: string, { name }: Service): Place {
  return { folder: join(directory, name), cache: join(DEV, "jars") };
}

/** The choice is made once per instance: an engine that comes later must not hide what runs. */
async function runnerOf(place: Place, { native, container }: Service): Promise<Runner> {
  const contained = join(place.folder, "compose.json");
  const settled = join(place.folder, "settings.json");
  if (await exists(contained)) return inCompose(container);
  if (await exists(settled)) return native;
  return (await hasEngine()) ? inCompose(container) : native;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
