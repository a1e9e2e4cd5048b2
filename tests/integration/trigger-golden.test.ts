import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Options } from "amqplib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { poll } from "../../lib/host/poller.ts";
import { type RabbitMQEvent, readEvent } from "../../lib/trigger/event.ts";
import { logger } from "../../lib/log.ts";
import { rabbitConnection, withChannel } from "../../lib/rabbit/connection.ts";
import { newVhost, until, type Vhost } from "./rabbit-vhost.ts";

const QUEUE = "events.test";

/** What is published; the headers of amqplib's notation, but for byte arrays (`bytes`) and signed decimals. */
type Message = {
  name: string;
  body: string;
  properties: Options.Publish & { deliveryMode?: 1 | 2 };
  /** Absent: the message has no table, which only the management API can publish. */
  headers?: Record<string, unknown>;
  redelivered?: true;
};

const golden = <T>(file: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, "../golden", file), "utf8")) as T;
const messages = golden<Message[]>("messages.json");
/** In the same order; what the RabbitMQ Java client and Gson make of them (tests/golden/Golden.java). */
const events = golden<RabbitMQEvent[]>("events.json");
const named = messages.map((message, i) => ({ ...message, event: events[i]! }));

let vhost: Vhost;

beforeAll(async () => {
  vhost = await newVhost();
});
afterAll(() => vhost.remove());

test.each(named)("the event is AWS's, byte for byte: $name", async (message) => {
  await withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    await channel.assertQueue(QUEUE, { arguments: { "x-queue-type": "quorum" } });
  });
  await publish(message);
  const event = await polled({ again: message.redelivered === true });
  expect(JSON.stringify(inOrder(event))).toBe(JSON.stringify(inOrder(message.event)));
});

test.each(named)("handlers can read it: $name", ({ event, body, headers }) => {
  const [batch] = readEvent(event);
  expect(batch).toMatchObject({ queue: QUEUE, vhost: "/shop" });
  expect(batch?.deliveries).toHaveLength(1);
  expect(batch?.deliveries[0]).toMatchObject({
    body: Buffer.from(body),
    attempt: headers?.["warren-attempt"] ?? 1,
    generation: 1,
    copy: headers?.["warren-copy"],
    notBefore: headers?.["warren-not-before"],
    deliveryCount: headers?.["x-delivery-count"] ?? 0,
  });
});

async function publish({ body, properties, headers, redelivered }: Message): Promise<void> {
  if (headers === undefined) return publishBare(body);
  const { deliveryMode, ...options } = properties;
  await withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    const sent = {
      ...options,
      ...(deliveryMode && { deliveryMode }),
      // The broker itself counts what comes again.
      headers: redelivered ? {} : forAmqplib(headers),
    };
    channel.sendToQueue(QUEUE, Buffer.from(body), sent);
    await channel.waitForConfirms();
  });
}

/** amqplib always sends a table and a delivery mode. */
async function publishBare(payload: string): Promise<void> {
  const { username, password, pathname } = new URL(vhost.url);
  const path = `/api/exchanges/${pathname.slice(1)}/amq.default/publish`;
  const message = { properties: {}, routing_key: QUEUE, payload, payload_encoding: "string" };
  const answer = await fetch(`${vhost.managementUrl}${path}`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${username}:${decodeURIComponent(password)}`)}` },
    body: JSON.stringify(message),
    signal: AbortSignal.timeout(20_000),
  });
  expect(await answer.json()).toEqual({ routed: true });
}

function forAmqplib(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(forAmqplib);
  if (typeof value !== "object" || value === null) return value;
  const { "!": type, value: inner } = value as { "!"?: string; value?: unknown };
  if (type === "bytes") return Buffer.from(inner as string, "base64");
  if (type === "decimal") {
    const { digits, places } = inner as { digits: number; places: number };
    return { "!": type, value: { digits: digits >>> 0, places } };
  }
  if (type !== undefined) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, forAmqplib(one)]));
}

/** The event that the poller makes of what lies in the queue; with `again` that of its second delivery. */
async function polled({ again }: { again: boolean }): Promise<RabbitMQEvent> {
  const connection = rabbitConnection({ url: vhost.url, name: "test trigger" });
  const stopping = new AbortController();
  const got: RabbitMQEvent[] = [];
  const wanted = again ? 2 : 1;
  const polling = poll(
    {
      connection,
      arn: events[0]!.eventSourceArn,
      queue: QUEUE,
      vhost: "/shop",
      batchSize: 10,
      windowMs: 1,
      prepare: async () => {},
      async invoke(event) {
        got.push(event);
        if (got.length < wanted) throw new Error("again");
      },
      afterThrow: "whole batch",
      filter: undefined,
      onOversize: async () => "ack",
      onState: () => {},
      onTaken: () => {},
      onFiltered: () => {},
      onHandedBack: () => {},
      log: logger({ level: "silent", name: "test" }),
      random: () => 0.99,
    },
    { stop: stopping.signal, handBack: new AbortController().signal },
  );
  await until("it comes", () => got.length === wanted);
  stopping.abort();
  await polling;
  await connection.close();
  return got.at(-1)!;
}

/**
 * A table of AMQP has no order of its own: ours is the wire's, the client's that of a Java HashMap. All
 * other keys stay where they are.
 */
function inOrder(event: RabbitMQEvent): RabbitMQEvent {
  const [[key, [record]]] = Object.entries(event.rmqMessagesByQueue) as [[string, [Rec]]];
  const { basicProperties } = record;
  const headers = sorted(basicProperties.headers);
  const ordered = { ...record, basicProperties: { ...basicProperties, headers } };
  return { ...event, rmqMessagesByQueue: { [key]: [ordered as Rec] } };
}

type Rec = RabbitMQEvent["rmqMessagesByQueue"][string][number];

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}
