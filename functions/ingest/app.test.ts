import { expect, test } from "vitest";
import { aliases } from "../../events/aliases.ts";
import { contracts, internalTypes, parseEvent } from "../../events/catalogue.ts";
import { createMetrics } from "../../lib/runtime/metrics.ts";
import {
  BrokerUnavailableError,
  PublishRefusedError,
  PublishUnknownError,
  UnroutableError,
} from "../../lib/rabbit/errors.ts";
import type { RabbitMessage } from "../../lib/rabbit/publisher.ts";
import { createApp } from "./app.ts";

const NOW = Date.UTC(2026, 10, 21, 10);
const MADE = "evt_01a1fd8c-6900-7000-8000-000000000001"; // its first 48 bits are NOW

const event = {
  id: "evt_1",
  type: "interaction.viewed",
  source: "web",
  timestamp: "2026-11-21T11:00:00.5+01:00",
  tenant_id: "shop",
  data: { user_id: "u1", product_id: "p1" },
  metadata: { version: "1.0" },
};

function setup({ failure, ready = true }: { failure?: Error; ready?: boolean } = {}) {
  const published: RabbitMessage[] = [];
  const logged: unknown[] = [];
  const metrics = createMetrics();
  const app = createApp({
    publisher: {
      publish: (message) => {
        published.push(message);
        return failure ? Promise.reject(failure) : Promise.resolve();
      },
      ready: () => ready,
    },
    keys: { tenantOf: (key) => (key === "k-shop" ? "shop" : undefined) },
    metrics,
    log: {
      warn: (line: unknown) => logged.push(line),
      error: (line: unknown) => logged.push(line),
    },
    newId: () => MADE,
    now: () => NOW,
    bodyTimeoutMs: 50,
  });

  async function post(body: unknown, headers: Record<string, string> = {}) {
    const response = await app.request("/events", {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { authorization: "Bearer k-shop", "content-type": "application/json", ...headers },
    });
    const answer = (await response.json()) as {
      id?: string;
      code?: string;
      issues?: { path: string; message: string }[];
    };
    return { status: response.status, headers: response.headers, answer };
  }
  const sent = () =>
    published.map(({ body }) => JSON.parse(Buffer.from(body).toString()) as object);
  return { app, post, published, sent, logged, metrics };
}

const version1 = { version: "1.0" };

test("accepts an event once the broker has it, and publishes it normalised", async () => {
  const { post, published, sent } = setup();

  const { status, answer } = await post({ ...event, extra: { kept: 1 } });

  expect(status).toBe(202);
  expect(answer).toEqual({ id: "evt_1", status: "queued", type: "interaction.viewed" });
  expect(sent()).toEqual([
    { ...event, timestamp: "2026-11-21T10:00:00.500000Z", extra: { kept: 1 } },
  ]);
  expect(published[0]).toMatchObject({
    exchange: "events",
    routingKey: "interaction.viewed",
    contentType: "application/json",
    messageId: "evt_1",
    type: "interaction.viewed",
    timestamp: NOW / 1_000,
  });
});

test("a number that is out of bounds hides no other field, and each says what it must be", async () => {
  const { post } = setup();
  const order =
    '{"type":"order.created","data":{"order_id":"o","quantity":1e999,"items":{}},"source":5}';

  const { status, answer } = await post(order);

  expect(status).toBe(422);
  expect(answer.issues).toEqual([
    { path: "data.quantity", message: "is a number too large to be exact; send it as a string" },
    { path: "source", message: "must be a string" },
    {
      path: "data.customer_id",
      message: "must be a string of 1 to 200 characters or a whole number",
    },
    { path: "data.items", message: "must be a list" },
    { path: "data.total", message: expect.any(String) as string },
    { path: "data.currency", message: expect.any(String) as string },
  ]);
});

test.each([
  ["{type, data}", { type: "interaction.viewed", data: { user_id: "u1", product_id: "p1" } }],
  [
    "{event, payload}",
    { event: "interaction.viewed", payload: { user_id: "u1", product_id: "p1" } },
  ],
  ["an interaction", { user_id: "u1", product_id: "p1", event_type: "view" }],
])("accepts %s and makes id and time", async (_, body) => {
  const { post, sent } = setup();

  expect((await post(body)).answer).toEqual({
    id: MADE,
    status: "queued",
    type: "interaction.viewed",
  });
  expect(sent()).toEqual([
    { ...event, id: MADE, source: "http", timestamp: "2026-11-21T10:00:00.000000Z" },
  ]);
});

test("accepts the source systems' own examples", async () => {
  const { post, published } = setup();
  const answers = [
    await post({ type: "user.signup", data: { email: "test@example.com" } }),
    await post({ user_id: 1, product_id: 100, event_type: "cart", user_session: "test" }),
    await post({ ...event, type: "order.created", data: sampleOf("order.created") }),
  ];

  expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
  expect(published.map(({ routingKey }) => routingKey)).toEqual([
    "user.signup",
    "interaction.added_to_cart",
    "order.created",
  ]);
});

test.each([...aliases])("takes %s for %s", async (alias, type) => {
  const { post, published, sent } = setup();

  const { answer } = await post({ ...event, type: alias, data: sampleOf(type) });

  expect(answer).toEqual({ id: "evt_1", status: "queued", type });
  expect(published[0]).toMatchObject({ routingKey: type, type });
  expect(sent()).toMatchObject([{ type, data: sampleOf(type) }]);
});

test("takes what the ticket system sends for the version that it had no name for", async () => {
  const { post, published, sent } = setup();
  const payload = {
    id: "m1",
    ticketId: "t1",
    authorId: "u1",
    content: "Hello",
    sentAt: "2026-11-21T10:00:00.000Z",
  };

  await post({ event: "message.sent", payload, metadata: { user_id: "u1" } });
  await post({ event: "message.sent", payload: sampleOf("message.sent"), metadata: version1 });

  // Published as it came: the digest covers it so. Consumers read it as it is called today.
  expect(sent()[0]).toMatchObject({ data: payload, metadata: { version: "0.1", user_id: "u1" } });
  const events = published.map(({ body }) => parseEvent(body).event);
  expect(events[0]).toMatchObject({
    data: {
      message_id: "m1",
      ticket_id: "t1",
      author_id: "u1",
      content: "Hello",
      sent_at: "2026-11-21T10:00:00.000Z",
    },
    metadata: { version: "1.0", user_id: "u1" },
  });
  expect(events[1]).toMatchObject({ data: sampleOf("message.sent"), metadata: version1 });
  const wrong = await post({ event: "message.sent", payload: { ...payload, ticketId: null } });
  expect(wrong.answer.issues?.map(({ path }) => path)).toEqual(["payload.ticketId"]);
});

test("accepts a CloudEvent", async () => {
  const { post, sent } = setup();
  const { status } = await post(
    {
      specversion: "1.0",
      id: "evt_1",
      type: event.type,
      source: "web",
      time: event.timestamp,
      subject: "u1",
      data: event.data,
    },
    { "content-type": "application/cloudevents+json; charset=UTF-8" },
  );

  expect(status).toBe(202);
  expect(sent()).toEqual([
    {
      ...event,
      timestamp: "2026-11-21T10:00:00.500000Z",
      metadata: { version: "1.0", subject: "u1" },
    },
  ]);
});

const admitted = contracts.filter(({ type }) => !internalTypes.has(type));
test.each(admitted)("passes a consumer's check with $type", async ({ type, sample }) => {
  const { post, published } = setup();

  expect((await post({ ...event, type, data: sample })).status).toBe(202);
  const raw = { ...event, type, data: sample };
  const skippedTheDoor = parseEvent(Buffer.from(JSON.stringify(raw)), () => NOW);
  expect(parseEvent(published[0]!.body, () => NOW)).toEqual(skippedTheDoor);
});

test.each([...internalTypes])("refuses %s, which only functions make", async (type) => {
  const { post, published } = setup();
  const { sample } = contracts.find((each) => each.type === type)!;

  const { status, answer } = await post({ ...event, type, data: sample });

  const message = `${type} is made by functions of this system only`;
  expect([status, answer.issues]).toEqual([422, [{ path: "type", message }]]);
  expect(published).toEqual([]);
});

test("takes the Idempotency-Key for the id, and refuses it beside another id", async () => {
  const { post } = setup();
  const { id: _, ...anonymous } = event;

  expect((await post(anonymous, { "idempotency-key": "evt_9" })).answer.id).toBe("evt_9");
  expect((await post(anonymous, { "idempotency-key": '"evt_9"' })).answer.id).toBe("evt_9");
  expect((await post(event, { "idempotency-key": "evt_1" })).status).toBe(202);
  const { status, answer } = await post(event, { "idempotency-key": "evt_9" });
  expect([status, answer.issues?.[0]?.path]).toEqual([422, "id"]);
});

test("repeats as the same event with nothing but the id that a 503 carried", async () => {
  const body = { type: event.type, data: event.data };
  const first = setup({ failure: new PublishUnknownError("no confirm") });
  const refused = await first.post(body);
  const second = setup();
  await second.post({ ...body, id: refused.answer.id });

  expect(refused.status).toBe(503);
  expect(refused.answer.id).toBe(MADE);
  const digests = [first, second].map(
    ({ published }) => parseEvent(published[0]!.body, () => NOW).digest,
  );
  expect(digests[0]).toBe(digests[1]);
});

test("wants the time beside an id of the producer's own", async () => {
  const { post } = setup();
  const { answer } = await post({ id: "evt_1", type: event.type, data: event.data });

  expect(answer.issues).toEqual([
    {
      path: "timestamp",
      message: "is required if you send your own id: a repeat must have the same timestamp",
    },
  ]);
});

test("refuses whoever has no key", async () => {
  const { post, published } = setup();

  for (const authorization of ["", "Bearer nope", "Basic k-shop", "k-shop"]) {
    const { status, headers, answer } = await post(event, { authorization });
    expect([status, answer.code]).toEqual([401, "unauthorized"]);
    expect(headers.get("www-authenticate")).toBe("Bearer");
  }
  expect((await post(event, { authorization: "", "x-api-key": "k-shop" })).status).toBe(202);
  expect(published).toHaveLength(1);
});

test("refuses an event of another tenant", async () => {
  const { post, published } = setup();

  expect((await post({ ...event, tenant_id: "other" })).status).toBe(403);
  expect(published).toEqual([]);
});

test.each([
  ["{", 400, "malformed"],
  ["", 400, "malformed"],
  ["[]", 422, "invalid_event"],
  ['{"type":"interaction.viewed","data":{"n":1e999}}', 422, "invalid_event"],
  [`{"type":"${"x".repeat(256 * 1024)}"}`, 413, "too_large"],
])("answers %.20s with %i", async (body, status, code) => {
  const { post, published } = setup();
  const refused = await post(body);

  expect([refused.status, refused.answer.code]).toEqual([status, code]);
  expect(published).toEqual([]);
});

test("refuses an event that grows too large for consumers once its numbers are written out", async () => {
  const { post, published } = setup();
  const padding = "x".repeat(60_000);
  const body = JSON.stringify({ ...event, data: { ...event.data, p: Array(4).fill(padding) } });
  const numbers = `,"n":[${Array(4_000).fill("9e15").join()}]}`;

  expect((await post(body.replace(/\}(?=,"metadata)/, numbers))).status).toBe(413);
  expect(published).toEqual([]);
});

test.each([
  ["content-type", "text/plain"],
  ["content-type", "application/jsonp"],
  ["content-type", "application/json; charset=latin1"],
  ["content-encoding", "gzip"],
])("refuses %s: %s", async (name, value) => {
  expect((await setup().post(event, { [name]: value })).status).toBe(415);
});

test("stops reading a body that never ends once it is too large", async () => {
  const { app } = setup();
  let pulled = 0;
  let cancelled = false;
  const body = new ReadableStream({
    pull(controller) {
      pulled += 1;
      controller.enqueue(new Uint8Array(64 * 1024));
    },
    cancel() {
      cancelled = true;
    },
  });

  const response = await app.request("/events", streamed(body));

  expect(response.status).toBe(413);
  expect(response.headers.get("connection")).toBe("close");
  expect(cancelled).toBe(true);
  expect(pulled).toBeLessThan(10);
});

test("gives up on a body that does not arrive", async () => {
  const { app } = setup();
  expect((await app.request("/events", streamed(new ReadableStream()))).status).toBe(408);
});

test("names every wrong field as the sender calls it", async () => {
  const { post } = setup();
  const paths = async (body: object) => (await post(body)).answer.issues?.map(({ path }) => path);

  expect(await paths({ ...event, id: "a b", data: { user_id: [] } })).toEqual([
    "id",
    "data.user_id",
    "data.product_id",
  ]);
  expect(await paths({ event: "order.delivered", payload: {} })).toEqual(["payload.order_id"]);
  expect(await paths({ event_type: "view", user_id: "u" })).toEqual(["product_id"]);
  expect(await paths({ event_type: "constructor", user_id: "u" })).toEqual(["event_type"]);
  expect(await paths({ specversion: "1.0", id: "x", type: event.type, data: event.data })).toEqual([
    "time",
  ]);
});

test("refuses a time more than 10 minutes ahead", async () => {
  const { post } = setup();
  const at = (ms: number) => post({ ...event, timestamp: new Date(NOW + ms).toISOString() });

  expect((await at(600_000)).status).toBe(202);
  expect((await at(600_001)).answer.issues?.[0]?.path).toBe("timestamp");
});

test.each([
  [new BrokerUnavailableError("not connected"), "broker_unavailable"],
  [new PublishRefusedError("full"), "queue_full"],
  [new PublishUnknownError("no confirm"), "unconfirmed"],
  [new UnroutableError("no queue"), "unroutable"],
  [new TypeError("a bug with s3cret"), "unexpected"],
])("answers %s with 503, the id and when to come back", async (failure, code) => {
  const { post, logged } = setup({ failure });
  const { status, headers, answer } = await post(event);

  expect(status).toBe(503);
  expect(answer).toEqual({
    type: "about:blank",
    title: "Service Unavailable",
    status: 503,
    code,
    detail: expect.any(String),
    id: "evt_1",
  });
  expect(JSON.stringify(answer)).not.toContain("s3cret");
  expect(headers.get("retry-after")).toBe("5");
  expect(logged).toHaveLength(1);
});

test("tells whether it lives, whether the broker is there, and what it counted", async () => {
  const { app, post } = setup();
  await post(event);

  expect((await app.request("/health/live")).status).toBe(200);
  expect((await app.request("/health/ready")).status).toBe(200);
  expect((await setup({ ready: false }).app.request("/health/ready")).status).toBe(503);
  const metrics = await (await app.request("/metrics")).text();
  expect(metrics).toContain('warren_ingest_requests_total{code="202"} 1');
});

test("answers unknown paths and methods with a problem document", async () => {
  const { app } = setup();
  const lost = await app.request("/nothing");
  const wrong = await app.request("/events", { method: "PUT" });

  expect(lost.headers.get("content-type")).toBe("application/problem+json");
  expect(await lost.json()).toEqual({
    type: "about:blank",
    title: "Not Found",
    status: 404,
    code: "not_found",
    detail: "send POST /events",
  });
  expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
});

function sampleOf(type: string) {
  return contracts.find((each) => each.type === type)?.sample;
}

function streamed(body: ReadableStream): RequestInit {
  const headers = { authorization: "Bearer k-shop", "content-type": "application/json" };
  return { method: "POST", headers, body, duplex: "half" } as RequestInit;
}
