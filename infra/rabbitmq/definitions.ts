import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { variables } from "../../lib/config.ts";
import { topologyOf, type Topology } from "../../lib/rabbit/topology.ts";
import { readConsumers } from "./consumers.ts";

export const DEFINITIONS = join(import.meta.dirname, "definitions.json");

/** Writes definitions.json: what the functions need, with the default retry delays. */
export async function writeDefinitions(): Promise<void> {
  const retryDelays = variables.RETRY_DELAYS.parse(undefined);
  const topology = topologyOf({ consumers: await readConsumers(), retryDelays });
  await writeFile(DEFINITIONS, `${JSON.stringify(definitionsOf(topology), null, 2)}\n`);
}

/**
 * The topology as RabbitMQ's definitions file (`load_definitions`, `rabbitmqctl import_definitions`),
 * for brokers that are set up before any function runs. No users and no permissions.
 */
export function definitionsOf({ exchanges, queues, bindings }: Topology) {
  const vhost = "/";
  return {
    vhosts: [{ name: vhost }],
    exchanges: exchanges.map(({ name, type, arguments: args }) => ({
      name,
      vhost,
      type,
      durable: true,
      auto_delete: false,
      internal: false,
      arguments: args,
    })),
    queues: queues.map(({ name, arguments: args }) => ({
      name,
      vhost,
      durable: true,
      auto_delete: false,
      arguments: args,
    })),
    bindings: bindings.map(({ source, destination, routingKey }) => ({
      source,
      vhost,
      destination,
      destination_type: "queue",
      routing_key: routingKey,
      arguments: {},
    })),
  };
}
