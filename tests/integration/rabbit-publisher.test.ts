import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { rabbitConnection, withChannel } from "../../lib/rabbit/connection.ts";
import {
  BrokerUnavailableError,
  PublishRefusedError,
  PublishUnknownError,
  UnroutableError,
} from "../../lib/rabbit/errors.ts";
import { rabbitPublisher, type RabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { drain, newVhost, purge, until, type Vhost } from "./rabbit-vhost.ts";
import { tcpProxy, type TcpProxy } from "./tcp-proxy.ts";

let vhost: Vhost;
let proxy: TcpProxy;
let throughProxy: string;
let publisher: RabbitPublisher;

beforeAll(async () => {
  vhost = await newVhost();
  await withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    const quorum = { "x-queue-type": "quorum" };
    await channel.assertQueue("work", { arguments: quorum });
    const full = { ...quorum, "x-max-length": 1, "x-overflow": "reject-publish" };
    await channel.assertQueue("full", { arguments: full });
  });
});
afterAll(() => vhost.remove());

beforeEach(async () => {
  const address = new URL(vhost.url);
  proxy = await tcpProxy({ host: address.hostname, port: Number(address.port) });
  address.host = `127.0.0.1:${proxy.port}`;
  throughProxy = address.href;
  publisher = rabbitPublisher({ url: throughProxy, name: "test publisher", timeoutMs: 2_000 });
});
afterEach(async () => {
  await publisher.close();
  await proxy.close();
});

const message = (routingKey: string, text = "{}") => ({
  exchange: "",
  routingKey,
  body: Buffer.from(text),
});

test("a published message is persistent and carries what it was given", async () => {
  await publisher.publish({
    ...message("work", '{"a":1}'),
    headers: { "warren-attempt": 3, "warren-reason": "é" },
    contentType: "application/json",
    messageId: "evt_1",
    type: "order.created",
    timestamp: 1_795_000_000,
  });
  const [stored] = await drain(vhost.url, "work");

  expect(stored?.content.toString()).toBe('{"a":1}');
  expect(stored?.properties).toMatchObject({
    deliveryMode: 2,
    contentType: "application/json",
    messageId: "evt_1",
    type: "order.created",
    timestamp: 1_795_000_000,
    headers: { "warren-attempt": 3, "warren-reason": "é", "warren-copy": expect.any(Number) },
  });
});

test("each publish of the same message is a copy of its own", async () => {
  await Promise.all([publisher.publish(message("work")), publisher.publish(message("work"))]);
  const copies = (await drain(vhost.url, "work")).map(
    ({ properties }) => properties.headers?.["warren-copy"],
  );
  expect(new Set(copies).size).toBe(2);
});

test("tells exactly which of many messages found no queue", async () => {
  const keys = Array.from({ length: 3_000 }, (_, i) => (i % 3 === 0 ? `nobody.${i}` : "work"));
  const results = await Promise.allSettled(keys.map((key) => publisher.publish(message(key, key))));

  const unroutable = keys.filter((_, i) => {
    const result = results[i];
    return result?.status === "rejected" && result.reason instanceof UnroutableError;
  });
  expect(unroutable).toEqual(keys.filter((key) => key !== "work"));
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(2_000);
  expect(await purge(vhost.url, "work")).toBe(2_000);
});

test("a full queue refuses, and a later message to another queue passes", async () => {
  // A quorum queue notices a little late that it is full.
  const fill = async () => {
    for (let i = 0; i < 10; i += 1) await publisher.publish(message("full"));
  };
  await expect(fill()).rejects.toThrow(PublishRefusedError);
  await publisher.publish(message("work"));
  expect(await purge(vhost.url, "work")).toBe(1);
});

test("a cut connection fails what was handed over at once, as unknown, and the next passes", async () => {
  await publisher.publish(message("work"));
  // Nothing comes back any more: all of these stay without a verdict.
  proxy.silence();
  const started = performance.now();
  const pending = Array.from({ length: 500 }, () => publisher.publish(message("work")));
  const settled = Promise.allSettled(pending);
  proxy.cut();

  for (const result of await settled) {
    expect(result).toMatchObject({ reason: expect.any(PublishUnknownError) });
  }
  expect(performance.now() - started).toBeLessThan(1_000);

  proxy.restore();
  await publisher.publish(message("work"));
  await purge(vhost.url, "work");
});

test("comes back by itself after every loss, and nothing is published twice", async () => {
  const confirmed: string[] = [];
  const errors: unknown[] = [];
  for (let round = 0; round < 4; round += 1) {
    await until("ready", () => publisher.ready());
    const before = confirmed.length;
    const sending = Array.from({ length: 1_000 }, async (_, i) => {
      const text = `${round}-${i}`;
      try {
        await publisher.publish(message("work", text));
      } catch (error) {
        errors.push(error);
        return;
      }
      confirmed.push(text);
      // In the middle: others are on their way, and some wait for a slot.
      if (confirmed.length !== before + 1) return;
      proxy.cut();
      proxy.restore();
    });
    await Promise.all(sending);
  }
  const stored = (await drain(vhost.url, "work")).map(({ content }) => content.toString());
  const storedOnce = new Set(stored);

  expect(storedOnce.size).toBe(stored.length);
  expect(confirmed.filter((text) => !storedOnce.has(text))).toEqual([]);
  expect(confirmed.length + errors.length).toBe(4_000);
  expect(errors.length).toBeGreaterThan(0);
  expect(errors.filter((error) => !(error instanceof PublishUnknownError))).toEqual([]);
});

test("a broker that stops answering leaves messages unknown when their time is up", async () => {
  await publisher.publish(message("work"));
  proxy.silence();
  const started = performance.now();
  await expect(publisher.publish(message("work"))).rejects.toThrow(PublishUnknownError);
  expect(performance.now() - started).toBeLessThan(2_500);
  proxy.cut();
  await purge(vhost.url, "work");
});

test("without a broker a message is certainly not published when its time is up", async () => {
  const other = rabbitPublisher({ url: "amqp://127.0.0.1:1", name: "nobody", timeoutMs: 300 });
  expect(other.ready()).toBe(false);
  await expect(other.publish(message("work"))).rejects.toThrow(
    /^not published within 300 ms: connect ECONNREFUSED/,
  );
  await other.close();
});

test("holds 64 MiB for a broker that is away, and refuses the rest at once", async () => {
  const away = rabbitPublisher({ url: "amqp://127.0.0.1:1", name: "nobody", timeoutMs: 500 });
  const body = Buffer.alloc(1_024 * 1_024);
  const waiting = Array.from({ length: 63 }, () =>
    away.publish({ exchange: "", routingKey: "work", body }),
  );
  await expect(away.publish({ exchange: "", routingKey: "work", body })).rejects.toThrow(
    "63 messages wait for the broker already",
  );
  for (const result of await Promise.allSettled(waiting)) {
    expect(result).toMatchObject({ reason: expect.any(BrokerUnavailableError) });
  }
  await away.close();
});

test("more messages than slots wait for one and all arrive", async () => {
  const narrow = rabbitPublisher({ url: vhost.url, name: "narrow", maxInFlight: 7 });
  await Promise.all(Array.from({ length: 500 }, () => narrow.publish(message("work"))));
  await narrow.close();
  expect(await purge(vhost.url, "work")).toBe(500);
});

test("no more messages than there are slots are handed over without a verdict", async () => {
  const narrow = rabbitPublisher({
    url: throughProxy,
    name: "narrow",
    maxInFlight: 7,
    timeoutMs: 400,
  });
  await narrow.publish(message("work"));
  proxy.silence();
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, () => narrow.publish(message("work"))),
  );
  const errors = results.map((result) => (result as PromiseRejectedResult).reason as Error);
  expect(errors.map(({ name }) => name)).toEqual([
    ...Array.from({ length: 7 }, () => "PublishUnknownError"),
    ...Array.from({ length: 3 }, () => "BrokerUnavailableError"),
  ]);
  proxy.restore();
  await narrow.close();
  expect(await purge(vhost.url, "work")).toBe(8);
});

test("closing waits for the confirms and then takes nothing more", async () => {
  const one = rabbitPublisher({ url: vhost.url, name: "closing" });
  const publishing = Promise.all(Array.from({ length: 300 }, () => one.publish(message("work"))));
  await one.close();
  await publishing;
  await expect(one.publish(message("work"))).rejects.toThrow("publisher closing is closed");
  expect(await purge(vhost.url, "work")).toBe(300);
});

test("a process that was frozen longer than the broker waits takes a new connection", async () => {
  let now = 1_000_000;
  const connection = rabbitConnection({ url: vhost.url, name: "frozen", now: () => now });
  const channel = await connection.confirmChannel();
  let closed = false;
  channel.on("close", () => (closed = true));

  now += 10_000;
  expect(connection.fresh()).toBe(true);
  now += 10_001;
  expect(connection.fresh()).toBe(false);
  await until("the old channel is closed", () => closed);

  const next = await connection.confirmChannel();
  expect(connection.fresh()).toBe(true);
  expect(await next.checkQueue("work")).toMatchObject({ queue: "work" });
  await connection.close();
});

test("a broker that accepts and never answers counts as unreachable", async () => {
  proxy.silence();
  const silent = rabbitPublisher({ url: throughProxy, name: "silent", timeoutMs: 500 });
  const started = performance.now();
  await expect(silent.publish(message("work"))).rejects.toThrow(BrokerUnavailableError);
  expect(performance.now() - started).toBeLessThan(1_000);
  await silent.close();
});
