import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readEvent, type RabbitMQEvent } from "./event.ts";

/** From AWS's documentation, "Using Lambda with Amazon MQ". */
const sample: RabbitMQEvent = JSON.parse(
  readFileSync(join(import.meta.dirname, "aws-sample-event.json"), "utf8"),
);

const record = (over: object) => ({
  basicProperties: { headers: null, messageId: null, bodySize: 2 },
  redelivered: false,
  data: "e30=",
  ...over,
});
const eventOf = (byQueue: Record<string, object[]>) =>
  ({ eventSource: "aws:rmq", rmqMessagesByQueue: byQueue }) as unknown as RabbitMQEvent;
const fresh = {
  attempt: 1,
  generation: 1,
  copy: undefined,
  notBefore: undefined,
  suspect: false,
  firstFailedAt: undefined,
  deliveryCount: 0,
};

test("reads the sample of AWS's documentation", () => {
  const body = Buffer.from('{"timeout":0,"data":"CZrmf0Gw8Ov4bqLQxD4E"}');
  expect(readEvent(sample)).toEqual([
    { queue: "pizzaQueue", vhost: "/", deliveries: [{ body, ...fresh }] },
  ]);
});

test("reads our numeric headers and the broker's delivery count", () => {
  const headers = { "warren-attempt": 3, "warren-copy": 7, "x-delivery-count": 2 };
  const [batch] = readEvent(
    eventOf({ "events.neo4j::/": [record({ basicProperties: { headers } })] }),
  );
  expect(batch?.deliveries[0]).toMatchObject({ attempt: 3, copy: 7, deliveryCount: 2 });
});

test("takes a message without headers, and one with strings for numbers, as fresh", () => {
  const garbage = { "warren-attempt": { bytes: [51] }, "x-delivery-count": "2" };
  const [batch] = readEvent(
    eventOf({ "q::/": [record({}), record({ basicProperties: { headers: garbage } })] }),
  );
  expect(batch?.deliveries).toEqual([
    { body: Buffer.from("{}"), ...fresh },
    { body: Buffer.from("{}"), ...fresh },
  ]);
});

test("keeps the messages of several queues apart, and a vhost with colons whole", () => {
  const batches = readEvent(eventOf({ "a::/": [record({})], "b::x::y": [] }));
  expect(batches.map(({ queue, vhost, deliveries }) => [queue, vhost, deliveries.length])).toEqual([
    ["a", "/", 1],
    ["b", "x::y", 0],
  ]);
});

test.each([[{}], [null], [{ rmqMessagesByQueue: null }]])("refuses %j", (event) => {
  expect(() => readEvent(event as unknown as RabbitMQEvent)).toThrow("no RabbitMQ event");
});

test("refuses a queue without its vhost", () => {
  expect(() => readEvent(eventOf({ "events.neo4j": [] }))).toThrow('"events.neo4j" is not of');
});

test("takes a message as delivered before that the broker did not count", () => {
  const counted = { basicProperties: { headers: { "x-delivery-count": 3 } }, redelivered: true };
  const [batch] = readEvent(eventOf({ "q::/": [record({ redelivered: true }), record(counted)] }));
  expect(batch?.deliveries.map(({ deliveryCount }) => deliveryCount)).toEqual([1, 3]);
});

test.each([
  ["4.3 after basic.nack", { "x-acquired-count": 2 }, 2],
  ["4.3 after a crash", { "x-delivery-count": 1, "x-acquired-count": 3 }, 3],
  ["at the first delivery", {}, 0],
])("counts how often RabbitMQ has delivered a message: %s", (_, headers, count) => {
  const redelivered = count > 0;
  const [batch] = readEvent(
    eventOf({ "q::/": [record({ basicProperties: { headers }, redelivered })] }),
  );
  expect(batch?.deliveries[0]?.deliveryCount).toBe(count);
});
