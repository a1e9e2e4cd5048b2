import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openNeo4j } from "../../kit/neo4j/neo4j.ts";
import { dynamoClient } from "../../lib/dynamo/client.ts";
import { dynamoLedger } from "../../lib/ledger/dynamo-ledger.ts";
import { type Unpacked, unpackedBundles } from "../unpacked.ts";
import { endpoint } from "./dynamo.ts";
import { batchOf, type LambdaProcess, lambdaProcess } from "./lambda-process.ts";
import { NEVER, server } from "./neo4j.ts";
import { DEAD, projectorVhost, type ProjectorVhost, QUEUE, viewed, views } from "./projector.ts";
import { drain, until } from "./rabbit-vhost.ts";
import { tcpProxy, type TcpProxy } from "./tcp-proxy.ts";
import { asked } from "../contract/rows.ts";

/** Seconds; the broker hangs up after two of them without a sign of life. */
const HEARTBEAT = 1;
const SETTLED = { ms: expect.any(Number) };

let projector: Unpacked;
let removeBundles: () => Promise<void>;
let vhost: ProjectorVhost;
let broker: TcpProxy;
let graph: TcpProxy;
let ledger: TcpProxy;
let tenant: string;
const processes: LambdaProcess[] = [];

beforeAll(async () => {
  const { bundles, remove } = await unpackedBundles(["neo4j-projector"]);
  [projector] = bundles as [Unpacked];
  removeBundles = remove;
  vhost = await projectorVhost();
});
afterAll(async () => {
  await vhost.remove();
  await removeBundles();
});

beforeEach(async () => {
  [broker, graph, ledger] = await Promise.all([
    proxyOf(vhost.url),
    proxyOf(server.url),
    proxyOf(endpoint),
  ]);
  tenant = `t-${randomUUID()}`;
});
afterEach(async () => {
  for (const { process: child } of processes.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  await Promise.all([broker, graph, ledger].map((proxy) => proxy.close()));
});

async function proxyOf(url: string): Promise<TcpProxy> {
  const { hostname: host, port } = new URL(url);
  return tcpProxy({ host, port: Number(port) });
}

/** An execution environment of the projector whose every connection goes through our hands. */
function start(): LambdaProcess {
  const { env } = process;
  const through = (url: string, proxy: TcpProxy) => {
    const address = new URL(url);
    address.host = `127.0.0.1:${proxy.port}`;
    return address.href;
  };
  const started = lambdaProcess(projector, {
    AWS_ACCESS_KEY_ID: env["AWS_ACCESS_KEY_ID"]!,
    AWS_ENDPOINT_URL_DYNAMODB: through(endpoint, ledger),
    AWS_LAMBDA_FUNCTION_NAME: "warren-test",
    AWS_REGION: env["AWS_REGION"]!,
    AWS_SECRET_ACCESS_KEY: env["AWS_SECRET_ACCESS_KEY"]!,
    LEDGER_TABLE: env["LEDGER_TABLE"]!,
    NEO4J_PASSWORD: server.password,
    NEO4J_URL: through(server.url, graph),
    NEO4J_USER: server.user,
    RABBITMQ_URL: `${through(vhost.url, broker)}?heartbeat=${HEARTBEAT}`,
    RETRY_DELAYS: env["RETRY_DELAYS"]!,
  });
  processes.push(started);
  return started;
}

/** Stops the process as Lambda does between two invocations, until `thaw`. */
function freeze({ process: child }: LambdaProcess): { thaw: (afterMs: number) => Promise<void> } {
  child.kill("SIGSTOP");
  const since = performance.now();
  return {
    async thaw(afterMs) {
      await until("it was frozen long enough", () => performance.now() - since > afterMs);
      child.kill("SIGCONT");
    },
  };
}

test("a batch of which nothing fails needs no connection to publish", async () => {
  const lambda = start();
  expect(await lambda.invoke(batchOf(QUEUE, [viewed(tenant, "u")]))).toEqual(SETTLED);
  expect(broker.connections()).toBe(0);
  expect(graph.connections()).toBe(1);

  expect(await lambda.invoke(batchOf(QUEUE, ["no json"]))).toEqual(SETTLED);
  expect(broker.connections()).toBe(1);
  expect(await drain(vhost.url, DEAD)).toHaveLength(1);
});

test("a connection that the broker ended while the environment was frozen is replaced before use", async () => {
  const lambda = start();
  expect(await lambda.invoke(batchOf(QUEUE, ["no json 1"]))).toEqual(SETTLED);
  const { thaw } = freeze(lambda);
  await until("the broker has hung up", () => broker.connections() === 0);
  await thaw(0);

  expect(await lambda.invoke(batchOf(QUEUE, ["no json 2"]))).toEqual(SETTLED);
  expect(await bodiesOfDead()).toEqual(["no json 1", "no json 2"]);
});

test("one that went without a word is not written to", async () => {
  const lambda = start();
  expect(await lambda.invoke(batchOf(QUEUE, ["no json 1"]))).toEqual(SETTLED);
  const { thaw } = freeze(lambda);
  broker.strand();
  await thaw(HEARTBEAT * 1_500);

  const { ms, error } = await lambda.invoke(batchOf(QUEUE, ["no json 2"]));
  expect(error).toBe(undefined);
  expect(ms).toBeLessThan(2_500);
  expect(await bodiesOfDead()).toEqual(["no json 1", "no json 2"]);
});

test("all of them cut during a short freeze cost no batch", async () => {
  const lambda = start();
  const first = viewed(tenant, "u");
  expect(await lambda.invoke(batchOf(QUEUE, [first, "no json 1"]))).toEqual(SETTLED);
  const { thaw } = freeze(lambda);
  for (const proxy of [broker, graph, ledger]) {
    proxy.cut();
    proxy.restore();
  }
  await thaw(0);

  const batch = batchOf(QUEUE, [first, viewed(tenant, "u"), "no json 2"]);
  expect(await lambda.invoke(batch)).toEqual(SETTLED);
  expect(await views(tenant)).toEqual({ u: 2 });
  expect(await bodiesOfDead()).toEqual(["no json 1", "no json 2"]);
});

test("connections to the graph that went without a word are replaced", async () => {
  let now = 1_000_000;
  const { user, password } = server;
  const url = `bolt://127.0.0.1:${graph.port}`;
  const store = openNeo4j({ url, user, password, now: () => now });
  const ask = () => store.read<{ one: number }>({ text: "RETURN 1 AS one", parameters: {} }, NEVER);
  expect(await ask()).toEqual([{ one: 1 }]);
  graph.strand();
  now += 30_001;

  const started = performance.now();
  expect(await ask()).toEqual([{ one: 1 }]);
  expect(performance.now() - started).toBeLessThan(3_000);
  await store.close();
});

test("SIGTERM in mid-batch hands the batch back with its claims, and the next process applies once", async () => {
  const event = viewed(tenant, "u");
  // Failed before: it travels alone, under a claim.
  const batch = batchOf(QUEUE, [event], { "warren-attempt": 2 });
  const lambda = start();
  expect(await lambda.invoke(batchOf(QUEUE, [viewed(tenant, "other")]))).toEqual(SETTLED);
  graph.silence();
  const running = lambda.invoke(batch);
  await until("it is claimed", async () => (await rowOf(event.id))?.state === "claimed");

  lambda.process.kill("SIGTERM");
  expect(await running).toMatchObject({ error: "interrupted" });
  expect(await rowOf(event.id)).toBe(undefined);
  expect(await lambda.stop()).toBe(0);

  graph.restore();
  expect(await start().invoke(batch)).toEqual(SETTLED);
  expect(await views(tenant)).toEqual({ other: 1, u: 1 });
});

async function rowOf(id: string) {
  const client = dynamoClient({ endpoint });
  const table = process.env["LEDGER_TABLE"]!;
  const consumer = "neo4j-projector";
  const tools = { now: Date.now, random: Math.random };
  const ours = dynamoLedger({ client, table, consumer, doneSets: true, ...tools });
  const [row] = await ours.look([asked({ tenant, source: "test", id })]);
  client.destroy();
  return row;
}

async function bodiesOfDead(): Promise<string[]> {
  return (await drain(vhost.url, DEAD)).map(({ content }) => content.toString()).sort();
}
