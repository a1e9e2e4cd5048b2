/**
 * Projects events from a prefilled queue into Neo4j, in batches of 1,000: the projector as the host runs it,
 * with each ledger, compared with a bare loop that consumes and writes the same coalesced rows without proof,
 * and with one transaction per message. Aims: LEDGER=none at least 0.7 and Redis at least 0.5 of the
 * bare loop, and at least 10 times one transaction per message.
 */
import { randomUUID } from "node:crypto";
import neo4j, { type Driver, type ManagedTransaction } from "neo4j-driver";
import { v7 as uuidv7 } from "uuid";
import { config } from "../functions/neo4j-projector/config.ts";
import { accepts, type ProjectedEvent } from "../functions/neo4j-projector/accepts.ts";
import { name as consumer, neo4jProjector } from "../functions/neo4j-projector/consumer.ts";
import { neo4jGraph } from "../functions/neo4j-projector/graph.ts";
import { openNeo4j } from "../kit/neo4j/neo4j.ts";
import { project } from "../functions/neo4j-projector/projection.ts";
import { statements } from "../functions/neo4j-projector/statements.ts";
import { readConfig } from "../lib/config.ts";
import { consumerHandler } from "../lib/runtime/consumer-handler.ts";
import { chunksOf } from "../lib/async/in-parallel.ts";
import { redisClient } from "../lib/ledger/redis-client.ts";
import { withChannel } from "../lib/rabbit/connection.ts";
import { consume, fill } from "./consume.ts";
import { measure, median, printMachine, printTable, type Measured } from "./report.ts";
import { localServices } from "./services.ts";
import { benchVhost } from "./vhost.ts";

const QUEUE = "events.bench";
const EVENTS = 50_000;
const ALONE = 2_000;
const BATCH = 1_000;
const ROUNDS = 3;
const START = Date.now();

const services = await localServices();
const { url, user, password } = services.neo4j;
const vhost = await benchVhost(services.rabbitmq, [{ queue: QUEUE, accepts }]);
const driver = neo4j.driver(url, neo4j.auth.basic(user, password), {
  disableLosslessIntegers: true,
});
const at = { url: vhost.url, name: "bench" };

type Variant = {
  name: string;
  count: number;
  /** Of the event that is the nth. */
  idOf?: (index: number) => string;
  run: (count: number) => Promise<void>;
};

const inDynamo = (count: number) =>
  warren(count, { LEDGER: "dynamodb", LEDGER_TABLE: services.dynamodb.ledgerTable });

const variants: Variant[] = [
  { name: "bare loop, no proof", count: EVENTS, run: (count) => bareLoop(count, BATCH) },
  { name: "Warren, LEDGER=none", count: EVENTS, run: (count) => warren(count, { LEDGER: "none" }) },
  {
    name: "Warren, DynamoDB Local",
    count: EVENTS,
    run: inDynamo,
  },
  {
    name: "the same, ids without a time",
    count: EVENTS,
    idOf: () => randomUUID(),
    run: inDynamo,
  },
  {
    name: "Warren, Redis",
    count: EVENTS,
    run: (count) => warren(count, { LEDGER: "redis", REDIS_URL: services.redis.url }),
  },
  { name: "one transaction per message", count: ALONE, run: (count) => bareLoop(count, 1) },
];

try {
  // Warm up: the first rounds would measure how the server compiles queries and methods.
  for (const { run } of variants.slice(0, 2)) await round({ name: "", count: EVENTS / 2, run });

  const results = new Map<Variant, Measured[]>(variants.map((variant) => [variant, []]));
  for (let index = 0; index < ROUNDS; index++) {
    for (const variant of variants) results.get(variant)!.push(await round(variant));
  }
  report(results);
} finally {
  await driver.close();
  await vhost.remove();
  await forgetRows();
}

/** Otherwise they would stay in Redis for 30 days. */
async function forgetRows(): Promise<void> {
  const { run, close } = redisClient(services.redis.url);
  const names = await run((redis) => redis.keys(`ledger#${consumer}#bench-*`));
  for (const chunk of chunksOf(10_000, names)) await run((redis) => redis.unlink(chunk));
  close();
}

/** Fills the queue with events of a new tenant, projects them, and checks that each counts once. */
async function round({ count, idOf = timedId, run }: Variant): Promise<Measured> {
  const tenant = `bench-${randomUUID()}`;
  const messages = Array.from({ length: count }, (_, index) => viewed(tenant, idOf(index)));
  await fill(vhost, { queue: QUEUE, messages });
  const measured = await measure(() => run(count));

  const { records } = await driver.executeQuery(
    "MATCH (:User {tenant_id: $tenant})-[r:VIEWED]->() RETURN sum(r.count) AS views",
    { tenant },
  );
  const views: unknown = records[0]?.get("views");
  if (views !== count) throw new Error(`${count} events were counted as ${String(views)}`);
  return measured;
}

/** As ingest makes them, of a thousand events a second. */
function timedId(index: number): string {
  return `evt_${uuidv7({ msecs: START + index })}`;
}

function viewed(tenant_id: string, id: string): object {
  return {
    id,
    type: "interaction.viewed",
    source: "bench",
    timestamp: new Date().toISOString().replace("Z", "000Z"),
    tenant_id,
    data: {
      user_id: `user-${Math.floor(Math.random() * 10_000)}`,
      product_id: `product-${Math.floor(Math.random() * 2_000)}`,
      user_session: "26dd6e6e-4dac-4778-8d2c-92e149dab885",
    },
    metadata: { version: "1.0" },
  };
}

/** The same without Warren: consume, UNWIND, ack. */
async function bareLoop(count: number, size: number): Promise<void> {
  await withChannel(at, async (channel) => {
    await channel.prefetch(size);
    let waiting: Buffer[] = [];
    let left = count;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    await channel.consume(QUEUE, (message) => {
      if (message === null) return;
      waiting.push(message.content);
      if (waiting.length < Math.min(size, left)) return;
      const batch = waiting;
      waiting = [];
      left -= batch.length;
      write(driver, batch)
        .then(() => {
          channel.ack(message, true);
          if (left === 0) resolve();
        })
        .catch(reject);
    });
    await promise;
  });
}

async function write(graph: Driver, batch: readonly Buffer[]): Promise<void> {
  const rows = project(batch.map((body) => JSON.parse(body.toString()) as ProjectedEvent));
  const names = (Object.keys(statements) as (keyof typeof rows)[]).filter(
    (name) => rows[name].length > 0,
  );
  const session = graph.session();
  await session.executeWrite((tx: ManagedTransaction) =>
    Promise.all(names.map((name) => tx.run(statements[name], { rows: rows[name] }))),
  );
  await session.close();
}

/** The projector behind the host's poller. */
async function warren(count: number, ledger: Record<string, string>): Promise<void> {
  const settings = readConfig(config, {
    ...ledger,
    RABBITMQ_URL: vhost.url,
    NEO4J_URL: url,
    NEO4J_USER: user,
    NEO4J_PASSWORD: password,
    RETRY_DELAYS: "5s",
    LOG_LEVEL: "error",
  });
  const graph = neo4jGraph({ neo4j: openNeo4j({ url, user, password }), now: Date.now });
  const projector = consumerHandler({
    consumer: neo4jProjector(graph),
    config: settings,
    requireSink: () => graph.requireConstraints(),
    closeSink: () => graph.close(),
  });
  await consume(vhost, {
    queue: QUEUE,
    count,
    batchSize: BATCH,
    windowMs: 200,
    consumer: projector,
  });
}

function report(results: ReadonlyMap<Variant, readonly Measured[]>): void {
  printMachine(["neo4j-driver", "amqplib", "@aws-sdk/client-dynamodb", "ioredis"], {
    RabbitMQ: new URL(services.rabbitmq.url).host,
    Neo4j: url,
    DynamoDB: services.dynamodb.endpoint,
    Redis: new URL(services.redis.url).host,
  });
  const middle = [...results].map(([variant, rounds]) => ({
    ...variant,
    ...median(rounds, ({ seconds }) => seconds),
  }));
  const rate = ({ count, seconds }: { count: number; seconds: number }) => count / seconds;
  const [bare, single] = [middle[0]!, middle.at(-1)!].map(rate);
  printTable(
    [`median of ${ROUNDS}`, "events/s", "of bare loop", "of one per tx", "client CPU µs/event"],
    middle.map((each) => [
      each.name,
      rate(each).toFixed(0),
      (rate(each) / bare!).toFixed(2),
      (rate(each) / single!).toFixed(1),
      ((each.cpuSeconds / each.count) * 1e6).toFixed(0),
    ]),
  );
  console.log("Each event was counted exactly once.");
}
