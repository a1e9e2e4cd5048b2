import type { ConsumeMessage } from "amqplib";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Delivery } from "../../lib/pipeline/message.ts";
import { applyTopology, requireTopology } from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { rabbitForward } from "../../lib/rabbit/forward.ts";
import { deliveryHeaders } from "../../lib/trigger/event.ts";
import { rabbitPublisher, type RabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { drain, newVhost, purge, type Vhost } from "./rabbit-vhost.ts";

const retryDelays = [300, 600, 1_200];
const topology = topologyOf({
  consumers: [
    { queue: "events.graph", accepts: ["order.created", "order.paid"] },
    { queue: "events.mail", accepts: ["order.paid"] },
  ],
  retryDelays,
});

let vhost: Vhost;
let publisher: RabbitPublisher;

beforeAll(async () => {
  vhost = await newVhost();
  await onChannel((channel) => applyTopology(channel, topology));
});
beforeEach(() => {
  publisher = rabbitPublisher({ url: vhost.url, name: "test" });
});
afterEach(async () => {
  await publisher.close();
  await onChannel((channel) => applyTopology(channel, topology));
  for (const { name } of topology.queues) await purge(vhost.url, name);
});
afterAll(() => vhost.remove());

const onChannel = <T>(work: Parameters<typeof withChannel<T>>[1]) =>
  withChannel({ url: vhost.url, name: "test" }, work);

const body = Buffer.from(`{"id":"1"}`);
const delivery = { body, ...deliveryHeaders({}) };
const publishEvent = (type: string) =>
  publisher.publish({ exchange: "events", routingKey: type, body });

test("an event reaches exactly the queues that accept its type", async () => {
  await publishEvent("order.created");
  await publishEvent("order.paid");

  expect(await drain(vhost.url, "events.graph")).toHaveLength(2);
  expect(await drain(vhost.url, "events.mail")).toHaveLength(1);
  expect(await drain(vhost.url, "events.unconsumed")).toHaveLength(0);
});

test("an event that nobody accepts is kept", async () => {
  await publishEvent("order.shipped");
  const [kept] = await drain(vhost.url, "events.unconsumed");
  expect(kept?.fields.routingKey).toBe("order.shipped");
});

test("applying the topology again changes nothing", async () => {
  await publishEvent("order.created");
  await onChannel((channel) => applyTopology(channel, topology));
  expect(await drain(vhost.url, "events.graph")).toHaveLength(1);
});

test("a failing message waits in every retry queue for its delay, and returns as it was", async () => {
  const forward = rabbitForward({ publisher, queue: "events.graph", retryDelays });
  const waits: number[] = [];
  let last: Delivery = delivery;

  for (const [index, delayMs] of retryDelays.entries()) {
    const attempt = index + 2;
    const sent = performance.now();
    const copy = {
      attempt,
      generation: 1,
      delayMs,
      notBefore: undefined,
      suspect: false,
      firstFailedAt: 1_000,
    };
    await forward.retry(last, copy);
    const message = await arrived("events.graph");
    waits.push(performance.now() - sent - delayMs);

    expect(message.content).toEqual(body);
    expect(message.properties.expiration).toBeUndefined();
    last = { body: message.content, ...deliveryHeaders(message.properties.headers) };
    expect(last).toMatchObject({ attempt, generation: 1, firstFailedAt: 1_000, deliveryCount: 0 });
  }
  for (const late of waits) {
    expect(late).toBeGreaterThan(-20);
    expect(late).toBeLessThan(1_000);
  }
});

test("a long wait holds up no shorter one", async () => {
  const forward = rabbitForward({ publisher, queue: "events.graph", retryDelays });
  const copy = { attempt: 2, generation: 1, suspect: false, firstFailedAt: undefined };
  const wait = (delayMs: number) => {
    const named = { ...delivery, body: Buffer.from(String(delayMs)) };
    return forward.retry(named, { ...copy, delayMs, notBefore: Date.now() + delayMs });
  };
  const sent = performance.now();
  await wait(1_190);
  await wait(700);

  expect(String((await arrived("events.graph")).content)).toBe("700");
  expect(performance.now() - sent).toBeLessThan(1_100);
  expect(String((await arrived("events.graph")).content)).toBe("1190");
});

test("a dead letter says why", async () => {
  const forward = rabbitForward({ publisher, queue: "events.graph", retryDelays });
  await forward.deadLetter(
    { ...delivery, attempt: 4 },
    { reason: "refused", error: "No such label\n    at f (a.ts:1:2)", deadAt: 9, firstFailedAt: 8 },
  );
  const [dead] = await drain(vhost.url, "dead.events.graph");

  expect(dead?.content).toEqual(body);
  // The broker's own, up to 3.x: 4.0 counts in a header only from 1 on.
  const { "x-delivery-count": _count, ...headers } = dead?.properties.headers ?? {};
  expect(headers).toEqual({
    "warren-attempt": 4,
    "warren-generation": 1,
    "warren-reason": "refused",
    "warren-error": "No such label",
    "warren-dead-at": 9,
    "warren-first-failed-at": 8,
    "warren-copy": expect.any(Number),
  });
});

test("what a consumer rejects without a word becomes a dead letter too", async () => {
  await publishEvent("order.created");
  await onChannel(async (channel) => {
    const message = await channel.get("events.graph");
    if (message) channel.reject(message, false);
  });
  const dead = await arrived("dead.events.graph");
  expect(dead.properties.headers?.["x-death"]?.[0]).toMatchObject({ reason: "rejected" });
});

test("a consumer is told which of its queues is missing", async () => {
  const consumer = { queue: "events.graph", retryDelays };
  await onChannel((channel) => requireTopology({ channel, ...consumer }));

  await onChannel((channel) => channel.deleteQueue("events.graph.retry.600ms"));
  await expect(onChannel((channel) => requireTopology({ channel, ...consumer }))).rejects.toThrow(
    "queue events.graph.retry.600ms does not exist: `npx warren topology apply` creates it",
  );
});

test("a queue that exists with other arguments is named with the difference", async () => {
  await onChannel(async (channel) => {
    await channel.deleteQueue("events.graph");
    const other = { "x-queue-type": "quorum", "x-max-length-bytes": 7 };
    await channel.assertQueue("events.graph", { arguments: other });
  });
  await expect(onChannel((channel) => applyTopology(channel, topology))).rejects.toThrow(
    /^queue events\.graph exists with other arguments.*check.*inequivalent arg/,
  );
  await onChannel((channel) => channel.deleteQueue("events.graph"));
});

/** The next message of a queue, as soon as it comes. */
async function arrived(queue: string): Promise<ConsumeMessage> {
  return onChannel(async (channel) => {
    const { promise, resolve } = Promise.withResolvers<ConsumeMessage>();
    await channel.consume(queue, (message) => message && resolve(message), { noAck: true });
    return promise;
  });
}
