import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import * as z from "zod";
import {
  environmentOf,
  findService,
  signalService,
  startService,
  stopService,
  TEST,
} from "../../infra/service/instance.ts";
import { type ServiceName, serviceNames as names, services } from "../../infra/local/services.ts";
import { writeSecret } from "../../infra/service/files.ts";
import { lock } from "../../infra/service/lock.ts";
import { releaseOf } from "../../infra/rabbitmq/release.ts";
import type { Address, Service } from "../../infra/service/service.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Whether this is `npm run test:long`, which has time for more. */
    long: boolean;
  }
}

/** Short, so that a test can see a message go through every tier. ms */
export const RETRY_DELAYS = [200, 1_000, 3_000];

/** Which one all functions that the tests start keep: `LEDGER=redis npm test`. */
export const LEDGER = z
  .enum(["dynamodb", "redis", "none"])
  .parse(process.env["LEDGER"] || "dynamodb");

/** What the processes of the tests share. */
const settings = {
  // Each lives for seconds: neither the best machine code pays off, nor compiling the same modules again.
  JAVA_TOOL_OPTIONS: "-XX:TieredStopAtLevel=1",
  NODE_COMPILE_CACHE: join(TEST, "compiled"),
  RETRY_DELAYS: RETRY_DELAYS.map((ms) => `${ms}ms`).join(","),
  LEDGER,
  // Without a ledger older events are refused, and the tests' events have fixed dates.
  PROOF_DAYS: "3650",
};

/**
 * Starts the services that the tests of one worker use and break, with empty data, under
 * `.warren/test`, which `npm start` and `npm stop` do not touch. What the other workers need their
 * first file starts (lane.ts); what must be installed for it is then there. Returns the teardown.
 */
export async function setup({
  config,
}: {
  config: Pick<TestProject["config"], "maxWorkers">;
}): Promise<() => Promise<void>> {
  const release = await lock(TEST, () => console.log("Another test run is at work; waiting."));
  const folders = Array.from({ length: config.maxWorkers }, (_, i) => folderOf(i + 1));
  const end = async () => {
    await Promise.all(folders.flatMap((folder) => names.map((name) => kill(name, folder))));
    await Promise.all(folders.flatMap((folder) => names.map((name) => stop(name, folder))));
    // A process that ends still writes what it has compiled.
    await rm(TEST, { recursive: true, force: true, maxRetries: 10 });
  };
  // What a killed run may have left.
  await end();
  Object.assign(process.env, settings);
  try {
    await startAll(1);
  } catch (error) {
    await end();
    await release();
    throw error;
  }
  return async () => {
    await end();
    await release();
  };
}

/** Starts the services of a worker. Returns what the functions read of them, and keeps it for lane.ts. */
export async function startAll(worker: number): Promise<Address> {
  const folder = folderOf(worker);
  const addresses = await Promise.all(names.map((name) => start(name, folder)));
  const environment = Object.assign({}, ...addresses, settings) as Address;
  await writeSecret(join(folder, "environment.json"), JSON.stringify(environment));
  return environment;
}

function folderOf(worker: number): string {
  return join(TEST, String(worker));
}

/** The worker's that asks. */
function ownFolder(): string {
  return folderOf(Number(process.env["VITEST_POOL_ID"]));
}

/**
 * Starts a service of the tests, on its old port, data and password, with table, constraints or
 * topology. The tests break what they use: never somebody's own services from the environment.
 */
export async function start(name: ServiceName, folder = ownFolder()): Promise<Address> {
  const service: Service = services[name];
  const report = (text: string) => console.log(`${service.title} ${text}`);
  if (name === "rabbitmq") await countOften(folder);
  const address = await startService(folder, service, {}, report);
  const environment = environmentOf(service, address, {});
  // The AWS SDK looks here for region and credentials.
  Object.assign(process.env, environment);
  await service.prepare?.({ ...process.env, ...environment }, { retryDelays: RETRY_DELAYS });
  return environment;
}

/** Queues tell the management API every 5 s how many messages they hold; many tests wait for that. */
async function countOften(folder: string): Promise<void> {
  const home = releaseOf(process.env).home(join(folder, "rabbitmq"));
  await mkdir(home, { recursive: true });
  await writeFile(
    join(home, "advanced.config"),
    `[{rabbit, [{quorum_tick_interval, 500}, {collect_statistics_interval, 500}]},
  {rabbitmq_management, [{sample_retention_policies,
    [{global, [{605, 1}]}, {basic, [{605, 1}]}, {detailed, [{605, 1}]}]}]}].
`,
  );
}

/** As an operator stops it: it has time to finish. */
export function stop(name: ServiceName, folder = ownFolder()): Promise<void> {
  return stopService(folder, services[name]);
}

export async function restart(name: ServiceName): Promise<void> {
  await stop(name);
  await start(name);
}

/** As a power cut does it; start() brings it back. */
export function kill(name: ServiceName, folder = ownFolder()): Promise<void> {
  return signal(name, "SIGKILL", folder);
}

/** SIGSTOP makes it silent without closing a connection, SIGCONT ends that. */
async function signal(
  name: ServiceName,
  which: NodeJS.Signals,
  folder = ownFolder(),
): Promise<void> {
  const found = await findService(folder, services[name]);
  if (found !== undefined) await signalService(folder, services[name], which);
}
