import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Message, MessageProperties } from "amqplib";
import { expect, test } from "vitest";
import type { RabbitMQEvent } from "./event.ts";
import { propertiesOf, recordBytes, recordOf } from "./event.ts";

const sample: RabbitMQEvent = JSON.parse(
  readFileSync(join(import.meta.dirname, "aws-sample-event.json"), "utf8"),
);

function message(properties: Partial<MessageProperties>, body = "{}", redelivered = false) {
  const fields = { deliveryTag: 1, redelivered, exchange: "", routingKey: "q" };
  return { content: Buffer.from(body), properties, fields } as Message;
}

const written = (one: Message) => recordOf(one, propertiesOf(one));
const headerOf = (value: unknown) =>
  propertiesOf(message({ headers: { value } })).headers?.["value"];

test("writes the sample of AWS's documentation, key for key", () => {
  const [expected] = sample.rmqMessagesByQueue["pizzaQueue::/"]!;
  const body = Buffer.from(expected!.data, "base64").toString();
  const properties = {
    contentType: "text/plain",
    headers: { header1: "value1", header2: "value2", numberInHeader: 10 },
    deliveryMode: 1,
    priority: 34,
    expiration: "60000",
    timestamp: 2_021,
    userId: "AIDACKCEVSQ6C2EXAMPLE",
  };
  // The sample's bodySize is not the size of its own body.
  expected!.basicProperties.bodySize = 43;

  expect(JSON.stringify(written(message(properties, body)))).toBe(JSON.stringify(expected));
});

test("writes null for whatever the publisher left out", () => {
  expect(written(message({ deliveryMode: 2 }, "hello", true))).toEqual({
    basicProperties: {
      contentType: null,
      contentEncoding: null,
      headers: null,
      deliveryMode: 2,
      priority: null,
      correlationId: null,
      replyTo: null,
      expiration: null,
      messageId: null,
      timestamp: null,
      type: null,
      userId: null,
      appId: null,
      clusterId: null,
      bodySize: 5,
    },
    redelivered: true,
    data: "aGVsbG8=",
  });
});

test.each([
  ["a string", "hé€", { bytes: [104, -61, -87, -30, -126, -84] }],
  ["bytes", Buffer.from([1, 255]), [1, -1]],
  ["a number", 3, 3],
  ["a boolean", true, true],
  ["nothing", null, null],
  ["a time", { "!": "timestamp", value: 1_795_224_786 }, "Nov 21, 2026, 1:33:06 AM"],
  ["a decimal", { "!": "decimal", value: { places: 2, digits: 314 } }, 3.14],
  ["an array", ["a", 1], [{ bytes: [97] }, 1]],
  ["a table", { queue: "a", count: 1 }, { queue: { bytes: [97] }, count: 1 }],
])("a header holding %s", (_, value, expected) => {
  expect(headerOf(value)).toEqual(expected);
});

test.each([
  [0, "Jan 1, 1970, 12:00:00 AM"],
  [1_795_266_000, "Nov 21, 2026, 1:00:00 PM"],
  [1_795_262_400, "Nov 21, 2026, 12:00:00 PM"],
  [1e18, null],
])("a message from second %d", (timestamp, expected) => {
  expect(propertiesOf(message({ timestamp })).timestamp).toBe(expected);
});

test("knows the bytes that a record takes in the event", () => {
  const record = written(message({ headers: { reason: "hé" }, type: "é" }, "hello"));
  // A comma parts it from the next.
  expect(recordBytes(record.basicProperties)).toBe(Buffer.byteLength(JSON.stringify(record)) + 1);
});
