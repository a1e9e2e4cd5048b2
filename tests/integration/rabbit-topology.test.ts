import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { applyTopology } from "../../infra/rabbitmq/apply.ts";
import { readConsumers } from "../../infra/rabbitmq/consumers.ts";
import { differences, readLive } from "../../infra/rabbitmq/live.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { topologyOf, type Topology } from "../../lib/rabbit/topology.ts";
import { newVhost, type Vhost } from "./rabbit-vhost.ts";

const retryDelays = [5_000, 30_000];
let vhost: Vhost;
let root: string;

beforeAll(async () => {
  vhost = await newVhost();
  root = await mkdtemp(join(tmpdir(), "warren-topology-"));
  await mkdir(join(root, "functions/graph"), { recursive: true });
  const trigger = "events: [{ rabbitmq: { queue: events.graph } }]";
  await writeFile(
    join(root, "serverless.yml"),
    `functions: { graph: { handler: functions/graph/handler.handler, ${trigger} } }`,
  );
  await writeFile(
    join(root, "functions/graph/consumer.ts"),
    `export const accepts = ["order.created"];`,
  );
});
afterAll(async () => {
  await rm(root, { recursive: true });
  await vhost.remove();
});

async function wanted(): Promise<Topology> {
  return topologyOf({ consumers: await readConsumers(root), retryDelays });
}

async function found(): Promise<string[]> {
  return differences(await wanted(), await readLive(vhost));
}

test("an empty broker lacks everything; once applied, nothing differs", async () => {
  expect(await found()).toHaveLength(11);
  await applyTopology({ ...vhost, topology: await wanted() });
  expect(await found()).toEqual([]);
});

test("a type that is no longer accepted is unbound", async () => {
  await withChannel({ url: vhost.url, name: "test" }, (channel) =>
    channel.bindQueue("events.graph", "events", "order.paid"),
  );
  expect(await found()).toEqual([
    "binding events --order.paid--> events.graph is stale: its function no longer accepts that type",
  ]);
  await applyTopology({ ...vhost, topology: await wanted() });
  expect(await found()).toEqual([]);
});

test("every argument that differs is named when a queue cannot be declared", async () => {
  await withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    await channel.deleteQueue("events.graph");
    const other = { "x-queue-type": "quorum", "x-overflow": "drop-head" };
    await channel.assertQueue("events.graph", { arguments: other });
  });
  const applying = applyTopology({ ...vhost, topology: await wanted() });
  await expect(applying).rejects.toThrow("queue events.graph exists with other arguments");
  await expect(applying).rejects.toThrow(
    "queue events.graph: x-overflow is drop-head, should be reject-publish",
  );
  await expect(applying).rejects.toThrow(
    "queue events.graph: x-dead-letter-strategy is absent, should be at-least-once",
  );
});
