import * as z from "zod";
import { ConfigError, readConfig, variables } from "../../lib/config.ts";
import { BrokerUnavailableError } from "../../lib/rabbit/errors.ts";
import { ManagementError } from "../../lib/rabbit/management.ts";
import { TopologyError } from "../../lib/rabbit/apply-topology.ts";
import { topologyOf, type Topology } from "../../lib/rabbit/topology.ts";
import { brokerAddress } from "./address.ts";
import { applyTopology } from "./apply.ts";
import { readConsumers } from "./consumers.ts";
import { DEFINITIONS, writeDefinitions } from "./definitions.ts";
import { differences, readLive } from "./live.ts";

const USAGE = `Usage: warren topology <command>

  print   the exchanges, queues and bindings that the functions of serverless.yml need
  apply   create what is missing on the broker (RABBITMQ_URL, else the local one)
  check   compare with the live broker; exit code 1 when anything differs
  write   write infra/rabbitmq/definitions.json, with the default retry delays`;

const EXPECTED = [ConfigError, TopologyError, BrokerUnavailableError, ManagementError];

/** `warren topology …` */
export async function command([verb = "", ...rest]: string[]): Promise<number> {
  const run = Object.hasOwn(verbs, verb) && rest.length === 0 ? verbs[verb] : undefined;
  if (run === undefined) {
    console.error(USAGE);
    return verb === "--help" ? 0 : 2;
  }
  try {
    return await run();
  } catch (error) {
    if (!EXPECTED.some((type) => error instanceof type)) throw error;
    console.error((error as Error).message);
    return 1;
  }
}

const verbs: Record<string, () => Promise<number>> = { print, apply, check, write };

async function print(): Promise<number> {
  console.log(textOf(await wanted()));
  return 0;
}

async function apply(): Promise<number> {
  const topology = await wanted();
  await applyTopology({ ...(await brokerAddress(process.env)), topology });
  console.log(
    `${topology.exchanges.length} exchanges, ${topology.queues.length} queues and ` +
      `${topology.bindings.length} bindings are in place`,
  );
  return 0;
}

async function check(): Promise<number> {
  const { url, managementUrl } = await brokerAddress(process.env);
  if (managementUrl === undefined) {
    console.error("check reads the management API: set RABBITMQ_MANAGEMENT_URL");
    return 2;
  }
  const found = differences(await wanted(), await readLive({ url, managementUrl }));
  console.log(found.length === 0 ? "the broker has exactly what is needed" : found.join("\n"));
  return found.length === 0 ? 0 : 1;
}

async function write(): Promise<number> {
  await writeDefinitions();
  console.log(`wrote ${DEFINITIONS}`);
  return 0;
}

async function wanted(): Promise<Topology> {
  return topologyOf({ consumers: await readConsumers(), retryDelays: settings().RETRY_DELAYS });
}

function settings() {
  return readConfig(z.object({ RETRY_DELAYS: variables.RETRY_DELAYS }), process.env);
}

function textOf({ exchanges, queues, bindings }: Topology): string {
  const args = (of: Readonly<Record<string, unknown>>) =>
    Object.entries(of).map(([key, value]) => `    ${key} = ${String(value)}`);
  return [
    ...exchanges.flatMap((one) => [`exchange ${one.name} (${one.type})`, ...args(one.arguments)]),
    ...queues.flatMap((one) => [`queue ${one.name}`, ...args(one.arguments)]),
    ...bindings.map((one) => `binding ${one.source} --${one.routingKey}--> ${one.destination}`),
  ].join("\n");
}
