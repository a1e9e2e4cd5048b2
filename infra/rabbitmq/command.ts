import type { Command } from "commander";
import * as z from "zod";
import { readConfig, variables } from "../../lib/config.ts";
import { topologyOf, type Topology } from "../../lib/rabbit/topology.ts";
import { CHECK_JSON, conclude } from "../cli/check.ts";
import { UsageError } from "../cli/errors.ts";
import { notes } from "../cli/help.ts";
import { brokerAddress } from "./address.ts";
import { applyTopology } from "./apply.ts";
import { readConsumers } from "./consumers.ts";
import { DEFINITIONS, writeDefinitions } from "./definitions.ts";
import { differences, readLive } from "./live.ts";

const DELAYS = { RETRY_DELAYS: "delay before each retry (default: 5s,30s,5m)" };
const BROKER = {
  RABBITMQ_URL: "broker (default: the one of `warren start`)",
  RABBITMQ_MANAGEMENT_URL: "its management API",
  ...DELAYS,
};

/** `warren topology …` */
export function define(command: Command): void {
  command.addHelpText("after", notes("warren topology check"));
  command
    .command("print")
    .description("Print the exchanges, queues and bindings that the functions need.")
    .option("--json", "print them as JSON: exchanges, queues, bindings")
    .addHelpText("after", notes("warren topology print", DELAYS))
    .action(async ({ json = false }: { json?: boolean }) => {
      const topology = await wanted();
      console.log(json ? JSON.stringify(topology, null, 2) : textOf(topology));
    });
  command
    .command("apply")
    .description("Create what is missing on the broker.")
    .addHelpText("after", notes("warren topology apply", BROKER))
    .action(apply);
  command
    .command("check")
    .description("Compare with the broker. Exit code 1 if anything differs.")
    .option(...CHECK_JSON)
    .addHelpText("after", notes("warren topology check", BROKER))
    .action(check);
  command
    .command("write")
    .description("Write infra/rabbitmq/definitions.json, with the default retry delays.")
    .addHelpText("after", notes("warren topology write"))
    .action(async () => {
      await writeDefinitions();
      console.log(`wrote ${DEFINITIONS}`);
    });
}

async function apply(): Promise<void> {
  const topology = await wanted();
  await applyTopology({ ...(await brokerAddress(process.env)), topology });
  console.log(
    `${topology.exchanges.length} exchanges, ${topology.queues.length} queues and ` +
      `${topology.bindings.length} bindings are in place`,
  );
}

async function check({ json = false }: { json?: boolean }): Promise<void> {
  const { url, managementUrl } = await brokerAddress(process.env);
  if (managementUrl === undefined) {
    throw new UsageError("Set RABBITMQ_MANAGEMENT_URL: check reads the management API");
  }
  const problems = differences(await wanted(), await readLive({ url, managementUrl }));
  conclude({ problems, ready: "the broker has exactly what is needed", json });
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
