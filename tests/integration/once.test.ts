import { afterAll, beforeAll, expect, test } from "vitest";
import { config } from "../../functions/neo4j-projector/config.ts";
import { neo4jProjector } from "../../functions/neo4j-projector/consumer.ts";
import { readConfig } from "../../lib/config.ts";
import { consumerHandler, type ConsumerHandler } from "../../lib/runtime/consumer-handler.ts";
import type { HeaderValue, RabbitMQEvent } from "../../lib/trigger/event.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { PermanentError } from "../../lib/pipeline/errors.ts";
import { newTenant, worker } from "./neo4j.ts";
import { DEAD, projectorVhost, type ProjectorVhost, QUEUE, viewed, views } from "./projector.ts";
import { drain, until } from "./rabbit-vhost.ts";
import { LEDGER } from "./services.ts";

let vhost: ProjectorVhost;
let one: ConsumerHandler;
let other: ConsumerHandler;
let third: ConsumerHandler;

/** The projector as three processes run it: nothing shared but broker, ledger and graph. */
beforeAll(async () => {
  vhost = await projectorVhost();
  one = projector();
  other = projector();
  third = projector();
});
afterAll(async () => {
  await Promise.all([one, other, third].map((process) => process.close()));
  await vhost.remove();
});

test("deliveries to three processes at the same time have one effect", async () => {
  const tenant = newTenant();
  const events = Array.from({ length: 40 }, (_, index) => viewed(tenant, `u${index}`));
  // In other compositions, so that the two meet in the middle of each other's groups.
  const runs = [
    one.handler(batch(events), context()),
    other.handler(batch(events.toReversed().slice(0, 30)), context()),
    third.handler(batch(events.slice(5, 35)), context()),
  ];
  await Promise.all(runs);
  await workOff();

  expect(Object.values(await views(tenant))).toEqual(events.map(() => 1));
  expect(await vhost.depth(DEAD)).toBe(0);
});

test("the same id with another body is a dead letter that says so", async () => {
  const tenant = newTenant();
  const first = viewed(tenant, "ada");
  await one.handler(batch([first]), context());
  await other.handler(batch([viewed(tenant, "bob", { id: first.id })]), context());

  expect(await views(tenant)).toEqual({ ada: 1 });
  expect(await reasons()).toEqual(["id reused"]);
});

test("the same event with other key order, trace or number form is a repeat", async () => {
  const tenant = newTenant();
  const first = viewed(tenant, "ada", { data: { user_id: "ada", product_id: "p", weight: 1.5 } });
  const { metadata, data, ...rest } = first;
  const again = JSON.stringify({
    data,
    metadata: { ...(metadata as object), traceparent: "00-1-2-01" },
    correlation_id: "c",
    ...rest,
  }).replace("1.5", "15e-1");
  await one.handler(batch([first]), context());
  await other.handler(batch([again]), context());

  expect(await views(tenant)).toEqual({ ada: 1 });
  expect(await vhost.depth(DEAD)).toBe(0);
});

test("the same id from two tenants has two effects", async () => {
  const [tenant, neighbour] = [newTenant(), newTenant()];
  const first = viewed(tenant, "ada");
  await one.handler(batch([first, viewed(neighbour, "ada", { id: first.id })]), context());

  expect([await views(tenant), await views(neighbour)]).toEqual([{ ada: 1 }, { ada: 1 }]);
});

test("a message whose copy was confirmed and whose ack was lost is not multiplied", async ({
  skip,
}) => {
  skip(LEDGER === "none", "without a ledger nobody knows that a copy was forwarded");
  const tenant = newTenant();
  const event = viewed(tenant, "ada");
  let down = true;
  const flaky = projector((consumer) => ({
    ...consumer,
    async apply(events, signal) {
      if (down) throw new Error("no reason given");
      return consumer.apply(events, signal);
    },
  }));
  await flaky.handler(batch([event]), context());
  const [copy] = await drain(vhost.url, `${QUEUE}.retry.200ms`);
  down = false;
  // The channel was cut before the ack, so the original comes again, and then its copy.
  await flaky.handler(batch([event], { "x-delivery-count": 1 }), context());
  expect(await views(tenant)).toEqual({});
  await flaky.handler(batch([copy!.content.toString()], copy!.properties.headers), context());
  await flaky.close();

  expect(await views(tenant)).toEqual({ ada: 1 });
  expect(await vhost.depth(DEAD)).toBe(0);
});

test("a dead letter whose original comes again stays one", async ({ skip }) => {
  skip(LEDGER === "none", "without a ledger nobody knows that it is among the dead letters");
  const event = viewed(newTenant(), "ada");
  const refusing = projector((consumer) => ({
    ...consumer,
    apply: async () => {
      throw new PermanentError("not this one");
    },
  }));
  await refusing.handler(batch([event]), context());
  await refusing.handler(batch([event], { "x-delivery-count": 1 }), context());
  await refusing.close();

  expect(await reasons()).toEqual(["refused"]);
});

/** What was sent to retry comes back to the work queue, which no host consumes here. */
async function workOff(): Promise<void> {
  const tiers = ["200ms", "1s", "3s"].map((tier) => `${QUEUE}.retry.${tier}`);
  await until("nothing is left to do", async () => {
    for (const { content, properties } of await drain(vhost.url, QUEUE)) {
      await one.handler(batch([content.toString()], properties.headers), context());
    }
    const depths = await Promise.all([QUEUE, ...tiers].map(vhost.depth));
    return depths.every((depth) => depth === 0);
  });
}

async function reasons(): Promise<unknown[]> {
  return (await drain(vhost.url, DEAD)).map(
    ({ properties }) => properties.headers?.["warren-reason"],
  );
}

function projector(change: (consumer: Consumer) => Consumer = (consumer) => consumer) {
  const { graph } = worker();
  return consumerHandler({
    consumer: change(neo4jProjector(graph)),
    config: readConfig(config, { ...process.env, RABBITMQ_URL: vhost.url, LOG_LEVEL: "fatal" }),
    requireSink: () => graph.requireConstraints(),
    closeSink: () => graph.close(),
  });
}

/** What Lambda sends: properties of a producer that sets none. */
function batch(
  bodies: readonly (object | string)[],
  headers?: Record<string, unknown>,
): RabbitMQEvent {
  const records = bodies.map((body) => {
    const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    return {
      basicProperties: {
        contentType: null,
        contentEncoding: null,
        headers: (headers as Record<string, HeaderValue> | undefined) ?? null,
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
        bodySize: bytes.byteLength,
      },
      redelivered: false,
      data: bytes.toString("base64"),
    };
  });
  return {
    eventSource: "aws:rmq",
    eventSourceArn: "arn:aws:mq:eu-central-1:000000000000:broker:test:b-1",
    rmqMessagesByQueue: { [`${QUEUE}::/`]: records },
  };
}

function context() {
  const end = Date.now() + 60_000;
  return {
    functionName: "neo4j-projector",
    awsRequestId: "test",
    getRemainingTimeInMillis: () => end - Date.now(),
  };
}
