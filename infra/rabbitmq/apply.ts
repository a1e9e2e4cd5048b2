import {
  applyTopology as declareTopology,
  TopologyError,
} from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import type { Topology } from "../../lib/rabbit/topology.ts";
import { changed, readLive, staleBindings } from "./live.ts";

/**
 * Creates what the consumers need on the broker; safe to repeat. With a management URL, also removes the
 * bindings of types that a function no longer accepts, because AMQP cannot list bindings. Throws
 * TopologyError with every difference when a queue or exchange exists with other properties.
 */
export async function applyTopology({
  url,
  managementUrl,
  topology,
}: {
  url: string;
  managementUrl?: string | undefined;
  topology: Topology;
}): Promise<void> {
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
