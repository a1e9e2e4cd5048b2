import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestOf, type Envelope } from "../../lib/envelope/envelope.ts";
import { poll } from "../../lib/host/poller.ts";
import { consumerHandler, type ConsumerHandler } from "../../lib/runtime/consumer-handler.ts";
import type { RabbitMQEvent } from "../../lib/trigger/event.ts";
import { logger } from "../../lib/log.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { PermanentError } from "../../lib/pipeline/errors.ts";
import { applyTopology } from "../../lib/rabbit/apply-topology.ts";
import { rabbitConnection, withChannel } from "../../lib/rabbit/connection.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { drain, newVhost, until, type Vhost } from "./rabbit-vhost.ts";

const RETRY_DELAYS = [60_000];
/** AWS's documentation, "Using Lambda with Amazon MQ". */
const sample: RabbitMQEvent = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../lib/trigger/aws-sample-event.json"), "utf8"),
);

let vhost: Vhost;
let lambda: ConsumerHandler;
let applied: string[];

/** Refuses events whose data say so; wants an array as its sink. */
const consumer: Consumer = {
  name: "graph",
  repeatable: true,
  concurrency: 1,
  parse(body) {
    const event = JSON.parse(Buffer.from(body).toString()) as Envelope<string, { refuse?: string }>;
    if (typeof event.id !== "string") throw new Error("no envelope");
    return { event, digest: digestOf(event) };
  },
  async apply(events) {
    return events.flatMap((received) => {
      const { id, data } = received.event as Envelope<string, { refuse?: string }>;
      if (data.refuse === "always") return [{ received, error: new PermanentError("never") }];
      if (data.refuse === "now") return [{ received, error: new Error("not now") }];
      applied.push(id);
      return [];
    });
  },
  async probe() {},
};

beforeEach(async () => {
  vhost = await newVhost();
  applied = [];
  lambda = consumerHandler({
    consumer,
    config: {
      RABBITMQ_URL: vhost.url,
      RETRY_DELAYS,
      RETRY_LATER_FOR: 86_400_000,
      LOG_LEVEL: "fatal",
      LEDGER: "none",
      METRICS_NAMESPACE: "Warren",
    },
    requireSink: async () => {},
    closeSink: async () => {},
  });
});
afterEach(async () => {
  await lambda.close();
  await vhost.remove();
});

const prepareBroker = (queue: string) =>
  withChannel({ url: vhost.url, name: "test" }, (channel) => {
    const consumers = [{ queue, accepts: ["order.paid"] }];
    return applyTopology(channel, topologyOf({ consumers, retryDelays: RETRY_DELAYS }));
  });

const context = () => {
  const until15 = Date.now() + 15_000;
  const getRemainingTimeInMillis = () => until15 - Date.now();
  return { functionName: "graph", awsRequestId: "1", getRemainingTimeInMillis };
};

const eventBody = (id: string, data: object = {}) =>
  JSON.stringify({
    id,
    type: "order.paid",
    source: "shop",
    timestamp: "2026-11-21T10:00:00.000000Z",
    tenant_id: "acme",
    data,
    metadata: { version: "1.0" },
  });

const bodies = [
  eventBody("evt_1"),
  "no json",
  eventBody("evt_2", { refuse: "always" }),
  eventBody("evt_3", { refuse: "now" }),
  eventBody("evt_4"),
];

/** As Lambda sends messages whose publisher set nothing. */
const bare = (body: string) => ({
  basicProperties: { headers: null, messageId: null, bodySize: body.length },
  redelivered: false,
  data: Buffer.from(body).toString("base64"),
});

async function left(queue: string) {
  const dead = await drain(vhost.url, `dead.${queue}`);
  const retried = await drain(vhost.url, `${queue}.retry.1m`);
  const show = ({ content, properties }: (typeof dead)[number]) => ({
    body: content.toString(),
    attempt: properties.headers?.["warren-attempt"],
    reason: properties.headers?.["warren-reason"],
  });
  return { dead: dead.map(show), retried: retried.map(show), applied };
}

test("AWS's sample event, whose body is no envelope, ends with the dead letters", async () => {
  await prepareBroker("pizzaQueue");
  await lambda.handler(sample, context());

  expect(await left("pizzaQueue")).toEqual({
    dead: [
      {
        body: '{"timeout":0,"data":"CZrmf0Gw8Ov4bqLQxD4E"}',
        attempt: 1,
        reason: "unreadable event",
      },
    ],
    retried: [],
    applied: [],
  });
});

test("a batch has the same result on Lambda and in the host", async () => {
  await prepareBroker("events.graph");
  const records = bodies.map(bare);
  const event = { rmqMessagesByQueue: { "events.graph::/": records } };
  await lambda.handler(event as unknown as RabbitMQEvent, context());
  const onLambda = await left("events.graph");

  applied = [];
  await pollUntilEmpty("events.graph");
  const inHost = await left("events.graph");

  expect(onLambda).toEqual({
    applied: ["evt_1", "evt_4"],
    dead: expect.arrayContaining([
      { body: "no json", attempt: 1, reason: "unreadable event" },
      { body: bodies[2], attempt: 1, reason: "refused" },
    ]),
    retried: [{ body: bodies[3], attempt: 2, reason: undefined }],
  });
  expect(onLambda.dead).toHaveLength(2);
  const sorted = ({ dead, ...rest }: typeof inHost) => ({
    ...rest,
    dead: dead.toSorted((a, b) => a.body.localeCompare(b.body)),
  });
  expect(sorted(inHost)).toEqual(sorted(onLambda));
});

test("each queue of an event has its own dead letters", async () => {
  await prepareBroker("events.one");
  await prepareBroker("events.two");
  const rmqMessagesByQueue = { "events.one::/": [bare("1")], "events.two::/": [bare("2")] };
  await lambda.handler({ rmqMessagesByQueue } as unknown as RabbitMQEvent, context());

  expect((await left("events.one")).dead.map(({ body }) => body)).toEqual(["1"]);
  expect((await left("events.two")).dead.map(({ body }) => body)).toEqual(["2"]);
});

test("says which queue is missing, and works once it is there", async () => {
  const event = { rmqMessagesByQueue: { "events.graph::/": [bare(bodies[0]!)] } };
  const run = () => lambda.handler(event as unknown as RabbitMQEvent, context());

  await expect(run()).rejects.toThrow("queue events.graph does not exist: `npx warren topology");
  expect(applied).toEqual([]);
  await prepareBroker("events.graph");
  await run();
  expect(applied).toEqual(["evt_1"]);
});

async function pollUntilEmpty(queue: string): Promise<void> {
  const publisher = rabbitPublisher({ url: vhost.url, name: "test publisher" });
  for (const body of bodies) {
    await publisher.publish({ exchange: "", routingKey: queue, body: Buffer.from(body) });
  }
  await publisher.close();

  const connection = rabbitConnection({ url: vhost.url, name: "test trigger" });
  const stopping = new AbortController();
  let batches = 0;
  const polling = poll(
    {
      connection,
      arn: "arn:test",
      queue,
      vhost: "/",
      batchSize: 100,
      windowMs: 200,
      prepare: () => lambda.prepare(queue),
      async invoke(event, signal) {
        await lambda.handler(event, { ...context(), signal });
        batches += 1;
      },
      afterThrow: "one by one",
      filter: undefined,
      onOversize: async () => "ack",
      onState: () => {},
      onTaken: () => {},
      onFiltered: () => {},
      onHandedBack: () => {},
      log: logger({ level: "silent", name: "test" }),
      random: Math.random,
    },
    { stop: stopping.signal, handBack: new AbortController().signal },
  );
  await until("a batch is through", () => batches === 1);
  stopping.abort();
  await polling;
  await connection.close();
}
