import {
  applyTopology as declareTopology,
  TopologyError,
} from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { readConsumers, ROOT } from "./consumers.ts";
import { changed, readLive, staleBindings } from "./live.ts";

/**
 * Brings the broker to what the functions of serverless.yml need; safe to repeat. With a management
 * URL it also unbinds the types that a function no longer accepts, which AMQP cannot list. Throws
 * TopologyError with every difference when a queue or exchange exists otherwise.
 */
export async function applyTopology({
  url,
  managementUrl,
  retryDelays,
  root = ROOT,
}: {
  url: string;
  managementUrl?: string | undefined;
  /** ms */
  retryDelays: readonly number[];
  root?: string;
}): Promise<void> {
  const topology = topologyOf({ consumers: await readConsumers(root), retryDelays });

  await withChannel({ url, name: "warren topology" }, async (channel) => {
    try {
      await declareTopology(channel, topology);
    } catch (error) {
      if (!(error instanceof TopologyError) || managementUrl === undefined) throw error;
      const all = changed(topology, await readLive({ url, managementUrl }));
      throw new TopologyError(`${error.message}\n  ${all.join("\n  ")}`, { cause: error });
    }
    if (managementUrl === undefined) return;
    const stale = staleBindings(topology, await readLive({ url, managementUrl }));
    for (const { destination, source, routingKey } of stale) {
      await channel.unbindQueue(destination, source, routingKey);
    }
  });
}
