import { randomUUID } from "node:crypto";
import neo4j from "neo4j-driver";
import * as z from "zod";
import { accepts } from "../../functions/neo4j-projector/consumer.ts";
import { readConfig, variables } from "../../lib/config.ts";
import { applyTopology } from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { newVhost, type Vhost } from "./rabbit-vhost.ts";

const config = z.object({ RETRY_DELAYS: variables.RETRY_DELAYS });

export const QUEUE = "events.neo4j";
export const DEAD = `dead.${QUEUE}`;

/** A vhost with the projector's queues, and a producer that speaks AMQP to it. */
export type ProjectorVhost = Vhost & {
  /** To the exchange `events`, confirmed. */
  publish: (bodies: readonly (object | string)[]) => Promise<void>;
  /** Messages ready in a queue. */
  depth: (queue: string) => Promise<number>;
};

export async function projectorVhost(): Promise<ProjectorVhost> {
  const vhost = await newVhost();
  const at = { url: vhost.url, name: "test" };
  const topology = topologyOf({
    consumers: [{ queue: QUEUE, accepts }],
    retryDelays: readConfig(config, process.env).RETRY_DELAYS,
  });
  await withChannel(at, (channel) => applyTopology(channel, topology));
  const publisher = rabbitPublisher(at);

  return {
    ...vhost,
    async publish(bodies) {
      await Promise.all(
        bodies.map((body) =>
          publisher.publish({
            exchange: "events",
            routingKey: "interaction.viewed",
            body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
          }),
        ),
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

type Event = { id: string } & Record<string, unknown>;

/** Somebody looks at a product, once. */
export function viewed(tenant_id: string, user_id: string, changes: object = {}): Event {
  return {
    id: `evt-${randomUUID()}`,
    type: "interaction.viewed",
    source: "test",
    timestamp: "2026-11-20T10:00:00Z",
    tenant_id,
    data: { user_id, product_id: "p" },
    metadata: { version: "1.0" },
    ...changes,
  };
}

/** How often each user of the tenant has viewed anything. */
export async function views(tenant: string): Promise<Record<string, number>> {
  const records = await cypher(
    "MATCH (u:User {tenant_id: $tenant})-[r:VIEWED]->() RETURN u.user_id AS user, sum(r.count) AS count",
    { tenant },
  );
  return Object.fromEntries(records.map(({ user, count }) => [user, count]));
}

/** Runs one statement; integers come out as numbers. */
export async function cypher(
  text: string,
  parameters: Record<string, unknown> = {},
): Promise<Record<string, unknown>[]> {
  const { NEO4J_URL: url, NEO4J_USER: user, NEO4J_PASSWORD: password } = process.env;
  const driver = neo4j.driver(url!, neo4j.auth.basic(user!, password!), {
    disableLosslessIntegers: true,
  });
  try {
    const { records } = await driver.executeQuery(text, parameters);
    return records.map((record) => record.toObject());
  } finally {
    await driver.close();
  }
}
