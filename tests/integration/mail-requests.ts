import { randomUUID } from "node:crypto";
import * as z from "zod";
import { accepts } from "../../functions/send-email/consumer.ts";
import { readConfig, variables } from "../../lib/config.ts";
import { applyTopology } from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { type QueueConsumer, topologyOf } from "../../lib/rabbit/topology.ts";
import { newVhost, type Vhost } from "./rabbit-vhost.ts";

export const QUEUE = "send.email";

const config = z.object({ RETRY_DELAYS: variables.RETRY_DELAYS });

/** A vhost with senders' queues, and somebody who asks them to send. */
export type SendersVhost = Vhost & {
  /** Confirmed. */
  publish: (events: readonly { type: string }[]) => Promise<void>;
  /** Messages ready in a queue. */
  depth: (queue: string) => Promise<number>;
};

export async function sendersVhost(
  consumers: readonly QueueConsumer[] = [{ queue: QUEUE, accepts }],
): Promise<SendersVhost> {
  const vhost = await newVhost();
  const at = { url: vhost.url, name: "test" };
  const { RETRY_DELAYS: retryDelays } = readConfig(config, process.env);
  const topology = topologyOf({ consumers, retryDelays });
  await withChannel(at, (channel) => applyTopology(channel, topology));
  const publisher = rabbitPublisher({ ...at, timeoutMs: 30_000 });
  return {
    ...vhost,
    async publish(events) {
      await Promise.all(
        events.map((event) => {
          const body = Buffer.from(JSON.stringify(event));
          return publisher.publish({ exchange: "events", routingKey: event.type, body });
        }),
      );
    },
    depth: (queue) =>
      withChannel(at, async (channel) => (await channel.checkQueue(queue)).messageCount),
    async remove() {
      await publisher.close();
      await vhost.remove();
    },
  };
}

/** A request to tell somebody that an order is on its way. */
export function request(
  channel: "email" | "sms" | "push" | "telegram",
  to: Record<string, string>,
  { id = randomUUID() as string, tenant = "acme", data = { order_id: "o-1" } as object } = {},
) {
  return {
    id,
    type: `${channel}.requested`,
    source: "test",
    timestamp: "2026-11-20T10:00:00Z",
    tenant_id: tenant,
    data: { kind: "order.shipped", template: "order.shipped", to, data },
    metadata: { version: "1.0" },
  };
}
