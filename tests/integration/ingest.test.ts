import { randomInt, randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp, type AddressInfo } from "node:net";
import { serve, type ServerType } from "@hono/node-server";
import { connect, type Channel, type ChannelModel } from "amqplib";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { contracts, parseEvent } from "../../events/catalogue.ts";
import { createApp } from "../../functions/ingest/app.ts";
import { eventIds } from "../../functions/ingest/accept.ts";
import { createMetrics } from "../../lib/runtime/metrics.ts";
import { rabbitPublisher, type RabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { mutatedBodies } from "./mutated-bodies.ts";
import { drain, newVhost, until, type Vhost } from "./rabbit-vhost.ts";
import { tcpProxy, type TcpProxy } from "./tcp-proxy.ts";

/** The publisher's deadline; the app promises 5 s, tests need not wait as long. */
const TIMEOUT_MS = 1_000;

let vhost: Vhost;
let proxy: TcpProxy;
let model: ChannelModel;
let channel: Channel;
let publisher: RabbitPublisher;
let server: ServerType;
let url: string;

beforeAll(async () => {
  vhost = await newVhost();
  model = await connect(vhost.url);
  channel = await model.createChannel();
  await channel.assertExchange("events", "topic");

  const through = new URL(vhost.url);
  proxy = await tcpProxy({ host: through.hostname, port: Number(through.port || 5672) });
  through.host = `127.0.0.1:${proxy.port}`;
  publisher = rabbitPublisher({ url: through.href, name: "ingest-test", timeoutMs: TIMEOUT_MS });

  const app = createApp({
    publisher,
    keys: { tenantOf: (key) => (key === "k-shop" ? "shop" : undefined) },
    metrics: createMetrics(),
    log: { warn: () => {}, error: (line: { err: unknown }) => unexpected.push(line.err) },
    newId: eventIds(Date.now),
    now: Date.now,
    bodyTimeoutMs: 500,
  });
  server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server?.close();
  await publisher?.close();
  await proxy?.close();
  await model?.close();
  await vhost?.remove();
});

const queues: string[] = [];
const unexpected: unknown[] = [];

afterEach(async () => {
  for (const queue of queues.splice(0)) await channel.deleteQueue(queue);
  const bugs = unexpected.splice(0);
  if (bugs.length > 0) throw new AggregateError(bugs, "the app met something unexpected");
});

test("answers 202 for what then lies in the queue, persistent and complete", async () => {
  const queue = await boundQueue("order.created");
  const { status, answer } = await post(eventOf("order.created", "evt_1"));

  expect([status, answer]).toEqual([202, { id: "evt_1", status: "queued", type: "order.created" }]);
  const [message] = await drain(vhost.url, queue);
  expect(message?.properties).toMatchObject({
    contentType: "application/json",
    deliveryMode: 2,
    messageId: "evt_1",
    type: "order.created",
    headers: { "warren-copy": expect.any(Number) },
  });
  expect(parseEvent(message!.content).event).toMatchObject({ id: "evt_1", tenant_id: "shop" });
});

test("answers 503 with the id when no queue takes the type", async () => {
  const refused = await post(eventOf("order.delivered", "evt_2"));

  expect([refused.status, refused.answer.code, refused.answer.id]).toEqual([
    503,
    "unroutable",
    "evt_2",
  ]);
  expect(refused.retryAfter).toBe("5");
});

test("answers 503 with the id when a queue is full, and takes the repeat afterwards", async () => {
  const queue = await boundQueue("product.deleted", {
    "x-max-length": 1,
    "x-overflow": "reject-publish",
  });
  await post(eventOf("product.deleted", "evt_3"));
  const answers = [];
  // A full queue is known to the broker a moment late: it takes a message or two beyond its length.
  for (let i = 0; i < 20; i += 1)
    answers.push(await post(eventOf("product.deleted", `evt_3_${i}`)));
  const refused = answers.find(({ status }) => status === 503);

  expect(refused?.answer).toMatchObject({
    code: "queue_full",
    id: expect.stringMatching(/^evt_3_/),
  });
  await drain(vhost.url, queue);
  expect((await post(eventOf("product.deleted", refused!.answer.id!))).status).toBe(202);
});

test("answers 503 with the id while the broker is gone, and recovers by itself", async () => {
  const queue = await boundQueue("order.paid");
  proxy.cut();
  const refused = await post({ type: "order.paid", data: sampleOf("order.paid") });
  const health = await fetch(`${url}/health/ready`);
  proxy.restore();

  expect([refused.status, health.status]).toEqual([503, 503]);
  expect(refused.answer).toMatchObject({ code: "broker_unavailable", id: expect.any(String) });
  await accepted({ id: refused.answer.id, type: "order.paid", data: sampleOf("order.paid") });
  const ids = (await drain(vhost.url, queue)).map(({ content }) => parseEvent(content).event.id);
  expect(new Set(ids)).toEqual(new Set([refused.answer.id]));
});

test("answers 503 within its deadline when the broker says nothing, and a repeat is the same event", async () => {
  const queue = await boundQueue("order.shipped");
  const body = { type: "order.shipped", data: sampleOf("order.shipped") };
  await accepted(body);
  await drain(vhost.url, queue);
  proxy.silence();
  const started = performance.now();
  const refused = await post(body);
  const took = performance.now() - started;
  proxy.restore();

  expect([refused.status, refused.answer.code]).toEqual([503, "unconfirmed"]);
  expect(took).toBeLessThan(TIMEOUT_MS + 500);
  await accepted({ ...body, id: refused.answer.id });
  const digests = (await drain(vhost.url, queue)).map(({ content }) => parseEvent(content).digest);
  expect(digests).toHaveLength(2); // the silent broker had stored the first
  expect(new Set(digests).size).toBe(1);
});

test("answers 503 while the broker blocks publishers", async () => {
  const queue = await boundQueue("order.confirmed");
  const body = { type: "order.confirmed", data: sampleOf("order.confirmed") };
  await accepted(body);
  // What a broker short of memory sends: connection.blocked, connection.unblocked (AMQP extension).
  proxy.inject(methodFrame(10, 60, Buffer.from("\u0003low")));
  await until("blocked", async () => (await fetch(`${url}/health/ready`)).status === 503);
  const refused = await post(body);
  proxy.inject(methodFrame(10, 61, Buffer.alloc(0)));

  expect([refused.status, refused.answer.code]).toEqual([503, "broker_unavailable"]);
  await accepted(body);
  await drain(vhost.url, queue);
});

test("answers a request whose body stops half-way, and lets nobody wait behind it", async () => {
  const { port, hostname } = new URL(url);
  const socket = connectTcp({ port: Number(port), host: hostname });
  const headers = "Authorization: Bearer k-shop\r\nContent-Type: application/json\r\nHost: x\r\n";
  socket.write(`POST /events HTTP/1.1\r\n${headers}Content-Length: 1000\r\n\r\n{"type":`);
  let answer = "";
  socket.on("data", (chunk) => (answer += chunk.toString()));
  await once(socket, "close");

  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
});

test("never answers a mutated body with 5xx, and loses none that it accepted", async () => {
  const queue = await boundQueue("#");
  const seed = randomInt(2 ** 31);
  const statuses: Record<number, number> = {};
  const acceptedIds: string[] = [];

  await inParallel(50, fc.sample(mutatedBodies, { numRuns: 2_000, seed }), async (body) => {
    const { status, answer } = await post(body);
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (status === 202) acceptedIds.push(answer.id ?? "none");
  });
  const events = (await drain(vhost.url, queue)).map(({ content }) => parseEvent(content).event);

  expect({ seed, statuses, queued: events.map(({ id }) => id).toSorted() }).toEqual({
    seed,
    // Each kind occurs, or this test says nothing; no other does.
    statuses: { 202: expect.any(Number), 400: expect.any(Number), 422: expect.any(Number) },
    queued: acceptedIds.toSorted(),
  });
});

function eventOf(type: string, id: string) {
  return {
    id,
    type,
    source: "web",
    timestamp: "2026-01-15T10:30:00Z",
    data: sampleOf(type),
    metadata: { version: "1.0" },
  };
}

function sampleOf(type: string): unknown {
  return contracts.find((each) => each.type === type)?.sample;
}

type Answer = { id?: string; code?: string };

async function post(body: unknown) {
  const response = await fetch(`${url}/events`, {
    method: "POST",
    body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body),
    headers: { authorization: "Bearer k-shop", "content-type": "application/json" },
    signal: AbortSignal.timeout(20_000),
  });
  const answer = (await response.json()) as Answer;
  return { status: response.status, retryAfter: response.headers.get("retry-after"), answer };
}

/** Repeats as a well-behaved sender does, until the event is accepted. */
async function accepted(body: object): Promise<void> {
  await until("accepted", async () => (await post(body)).status === 202);
}

async function boundQueue(key: string, args: Record<string, unknown> = {}): Promise<string> {
  const { queue } = await channel.assertQueue(`${key}-${randomUUID()}`, { arguments: args });
  queues.push(queue);
  await channel.bindQueue(queue, "events", key);
  return queue;
}

function methodFrame(classId: number, methodId: number, args: Buffer): Buffer {
  const head = Buffer.alloc(11);
  head.writeUInt8(1);
  head.writeUInt32BE(4 + args.length, 3);
  head.writeUInt16BE(classId, 7);
  head.writeUInt16BE(methodId, 9);
  return Buffer.concat([head, args, Buffer.from([0xce])]);
}

async function inParallel<T>(width: number, items: readonly T[], work: (item: T) => Promise<void>) {
  const rest = items.values();
  const lane = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
