import { rm } from "node:fs/promises";
import type { TestProject } from "vitest/node";
import * as z from "zod";
import {
  environmentOf,
  findService,
  type ServiceName,
  services,
  signalService,
  startService,
  stopService,
  TEST,
} from "../../infra/local/instance.ts";
import { lock } from "../../infra/local/lock.ts";
import { prepare } from "../../infra/local/prepare.ts";
import type { Address } from "../../infra/local/service.ts";

/** Short, so that a test can see a message go through every tier. ms */
export const RETRY_DELAYS = [200, 1_000, 3_000];

declare module "vitest" {
  interface ProvidedContext {
    /** RABBITMQ_URL, NEO4J_PASSWORD and so on, as the functions read them; also in process.env. */
    environment: Address;
  }
}

/** Which one all functions that the tests start keep: `LEDGER=redis npm test`. */
export const LEDGER = z
  .enum(["dynamodb", "redis", "none"])
  .parse(process.env["LEDGER"] || "dynamodb");

const names = Object.keys(services) as ServiceName[];

/**
 * Starts the services of the tests, with empty data, under `.warren/test`, which `npm start` and
 * `npm stop` do not touch. Returns the teardown.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const release = await lock(TEST, () => console.log("Another test run is at work; waiting."));
  const end = async () => {
    await Promise.all(names.map(kill));
    await Promise.all(names.map(stop));
    await rm(TEST, { recursive: true, force: true });
  };
  // What a killed run may have left.
  await end();
  try {
    const environment = Object.assign({}, ...(await Promise.all(names.map(start)))) as Address;
    const settings = {
      RETRY_DELAYS: RETRY_DELAYS.map((ms) => `${ms}ms`).join(","),
      LEDGER,
      // Without a ledger older events are refused, and the tests' events have fixed dates.
      PROOF_DAYS: "3650",
    };
    project.provide("environment", { ...environment, ...settings });
    Object.assign(process.env, environment, settings);
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

/**
 * Starts a service of the tests, on its old port, data and password, with table, constraints or
 * topology. The tests break what they use: never somebody's own services from the environment.
 */
export async function start(name: ServiceName): Promise<Address> {
  const report = (text: string) => console.log(`${services[name].title} ${text}`);
  const address = await startService(TEST, services[name], {}, report);
  const environment = environmentOf([address], {});
  // The AWS SDK looks here for region and credentials.
  Object.assign(process.env, environment);
  await prepare(name, environment, { retryDelays: RETRY_DELAYS });
  return environment;
}

/** As an operator stops it: it has time to finish. */
export function stop(name: ServiceName): Promise<void> {
  return stopService(TEST, services[name]);
}

export async function restart(name: ServiceName): Promise<void> {
  await stop(name);
  await start(name);
}

/** As a power cut does it; start() brings it back. */
export function kill(name: ServiceName): Promise<void> {
  return signal(name, "SIGKILL");
}

/** SIGSTOP makes it silent without closing a connection, SIGCONT ends that. */
export async function signal(name: ServiceName, which: NodeJS.Signals): Promise<void> {
  const found = await findService(TEST, services[name]);
  if (found !== undefined) await signalService(TEST, services[name], which);
}
