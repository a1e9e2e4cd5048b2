import { randomUUID } from "node:crypto";
import { applyTopology } from "../lib/rabbit/apply-topology.ts";
import { withChannel } from "../lib/rabbit/connection.ts";
import { type QueueConsumer, topologyOf } from "../lib/rabbit/topology.ts";

export type BenchVhost = {
  url: string;
  purge: (queue: string) => Promise<void>;
  /** Ready messages. */
  depth: (queue: string) => Promise<number>;
  remove: () => Promise<void>;
};

/** A separate vhost with the topology of these consumers, so that a run disturbs nobody. */
export async function benchVhost(
  { url, management }: { url: string; management: string },
  consumers: readonly QueueConsumer[],
): Promise<BenchVhost> {
  const name = `bench-${randomUUID()}`;
  const address = new URL(url);
  const login = decodeURIComponent(`${address.username}:${address.password}`);
  address.pathname = `/${name}`;
  const at = { url: address.href, name: "bench" };

  const call = async (method: "PUT" | "DELETE") => {
    const answer = await fetch(`${management}/api/vhosts/${name}`, {
      method,
      headers: { authorization: `Basic ${btoa(login)}` },
      signal: AbortSignal.timeout(20_000),
    });
    if (!answer.ok) throw new Error(`${method} vhost: ${answer.status}`);
  };

  await call("PUT");
  const topology = topologyOf({ consumers, retryDelays: [5_000] });
  await withChannel(at, (channel) => applyTopology(channel, topology));
  return {
    url: address.href,
    purge: (queue) => withChannel(at, async (channel) => void (await channel.purgeQueue(queue))),
    depth: (queue) =>
      withChannel(at, async (channel) => (await channel.checkQueue(queue)).messageCount),
    remove: () => call("DELETE"),
  };
}
