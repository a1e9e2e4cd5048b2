import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { withChannel } from "../../lib/rabbit/connection.ts";
import {
  type OfflineProcess,
  type OfflineService,
  offlineService,
  PRELUDE,
} from "./offline-service.ts";
import { newVhost, until, type Vhost } from "./rabbit-vhost.ts";
import { type TcpProxy, tcpProxy } from "./tcp-proxy.ts";

const ARNS =
  "arn: arn:aws:mq:eu-west-1:123456789012:broker:shop:b-1, " +
  "basicAuthArn: arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop";

const serverless = (functions: string, custom = "") => `
service: shipping
provider: { name: aws, runtime: nodejs22.x, region: eu-west-1 }
plugins: [serverless-offline, serverless-offline-rabbitmq]
custom:
  serverless-offline: { localEnvironment: true, noSponsor: true }
  ${custom}
functions:
  ${functions}
`;

let vhost: Vhost;
let proxy: TcpProxy;
let service: OfflineService;
let offline: OfflineProcess;

beforeAll(async () => {
  vhost = await newVhost();
  const { hostname: host, port } = new URL(vhost.url);
  proxy = await tcpProxy({ host, port: Number(port) });
});
afterAll(async () => {
  await proxy.close();
  await vhost.remove();
});
afterEach(() => service.remove());

const name = () => decodeURIComponent(new URL(vhost.url).pathname.slice(1));
/** Without the vhost, and through the proxy. */
const broker = () => {
  const url = new URL(vhost.url);
  url.pathname = "";
  url.port = String(proxy.port);
  return url.href;
};

async function declare(...queues: string[]): Promise<void> {
  await withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    for (const queue of queues) await channel.assertQueue(queue);
  });
}

async function send(queue: string, ...bodies: string[]): Promise<void> {
  await withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    for (const body of bodies) channel.sendToQueue(queue, Buffer.from(body), { priority: 3 });
    await channel.waitForConfirms();
  });
}

const ready = (queue: string) =>
  withChannel({ url: vhost.url, name: "test" }, (channel) => channel.checkQueue(queue));
const takes = (queue: string) =>
  until(
    `it takes from ${queue}`,
    () => offline.output().includes(`RabbitMQ ${queue}: takes messages`),
    60_000,
  );
const records = async (key: string) => (await service.records()).filter((one) => key in one);

test("a stranger's functions get their events, over broker restarts, until a SIGTERM ends them in peace", async () => {
  await declare("shipments", "returns");
  service = await offlineService({
    "serverless.yml": serverless(
      `ship:
        handler: ship.handler
        timeout: 10
        events:
          - rabbitmq: { ${ARNS}, virtualHost: ${name()}, queue: shipments, batchSize: 3, maximumBatchingWindow: 1 }
          - rabbitmq: { ${ARNS}, virtualHost: ${name()}, queue: returns }
  count:
    handler: ship.count
    events:
      - httpApi: GET /count
      - rabbitmq: { ${ARNS}, virtualHost: ${name()}, queue: counts }`,
      `offlineRabbitmq: { url: "${broker()}" }`,
    ),
    "ship.js": `${PRELUDE}
      exports.handler = async (event, context) => {
        const bodies = bodiesOf(event);
        record({ queue: Object.keys(event.rmqMessagesByQueue)[0], bodies, event, left: context.getRemainingTimeInMillis() });
        if (!bodies.includes("slow")) return;
        await new Promise((resolve) => setTimeout(resolve, 1500));
        record({ slow: "done" });
      };
      exports.count = async (event) => {
        if (event.rmqMessagesByQueue) record({ counted: bodiesOf(event) });
        return { statusCode: 200, body: "counting" };
      };`,
  });
  offline = await service.start(["offline"], {});
  await takes("shipments");
  await takes("returns");
  await send("shipments", "1", "2", "3", "4");
  await send("returns", "back");
  await until("all come", async () => (await records("bodies")).length >= 3);

  const bodiesOf = async (queue: string) => {
    const own = (await records("bodies")).filter((one) => one["queue"] === `${queue}::${name()}`);
    return own.map((one) => one["bodies"]);
  };
  expect(await bodiesOf("shipments")).toEqual([["1", "2", "3"], ["4"]]);
  expect(await bodiesOf("returns")).toEqual([["back"]]);
  const [{ event, left }] = (await records("bodies")) as [{ event: unknown; left: number }];
  expect(event).toMatchObject({
    eventSource: "aws:rmq",
    eventSourceArn: "arn:aws:mq:eu-west-1:123456789012:broker:shop:b-1",
    rmqMessagesByQueue: {
      [`shipments::${name()}`]: [{ basicProperties: { priority: 3 } }, {}, {}],
    },
  });
  expect(left).toBeGreaterThan(9_000);

  // Its queue is missing, until somebody declares it.
  expect(offline.output()).toContain(
    "RabbitMQ counts: takes no messages: queue counts does not exist",
  );
  await declare("counts");
  await send("counts", "one");
  await until("it is found", async () => (await records("counted")).length === 1, 60_000);

  // A broker that goes away and comes back.
  proxy.cut();
  await until("it notices", () => offline.output().includes("lost the broker"));
  await send("shipments", "meanwhile");
  proxy.restore();
  await until("it comes", async () => (await bodiesOf("shipments")).length === 3, 60_000);

  await send("shipments", "slow");
  await until("it runs", async () => (await bodiesOf("shipments")).length === 4);
  offline.process.kill("SIGTERM");
  expect(await offline.exit).toBe(0);
  expect(await records("slow")).toHaveLength(1);
  expect(await ready("shipments")).toMatchObject({ messageCount: 0, consumerCount: 0 });
});

test("an error that a worker thread throws outside of its handler ends neither the others nor the message", async () => {
  await declare("fragile");
  service = await offlineService({
    "serverless.yml": serverless(
      `fragile:
        handler: fragile.handler
        timeout: 60
        events: [rabbitmq: { ${ARNS}, virtualHost: ${name()}, queue: fragile }]`,
    ),
    "fragile.js": `${PRELUDE}
      exports.handler = async (event) => {
        const [{ redelivered }] = recordsOf(event);
        record({ redelivered });
        if (redelivered) return;
        setTimeout(() => { throw new Error("nobody catches this"); });
        await new Promise(() => {});
      };`,
  });
  offline = await service.start(["offline", "start"], { RABBITMQ_URL: broker() });
  await takes("fragile");
  await send("fragile", "x");
  await until("it comes again", async () => (await service.records()).length === 2);
  expect(await service.records()).toEqual([{ redelivered: false }, { redelivered: true }]);
  expect(offline.output()).toContain("its environment ended: nobody catches this");
});

test("refuses to start when the declaration is wrong, and names every place", async () => {
  service = await offlineService({
    "serverless.yml": serverless(
      `a:
        handler: a.handler
        events: [rabbitmq: { ${ARNS}, queue: a, filterPatterns: [{ data: [{ like: x }] }] }]`,
    ),
    "a.js": "exports.handler = async () => {};",
  });
  offline = await service.start(["offline"], {});
  expect(await offline.exit).toBe(1);
  expect(offline.output()).toContain("(custom.offlineRabbitmq.url, or RABBITMQ_URL) is missing");
  expect(offline.output()).toContain("a.rabbitmq.filterPatterns: 0.data.0.like: Lambda's event");
});
