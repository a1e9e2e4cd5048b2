/**
 * The ledger's cost for an event of a full group: one read and one write, in batches, compared with a claim
 * and a completion by single conditional calls, as idempotency libraries make them.
 * `npx node bench/ledger.ts [--endpoint http://…] [--redis redis://…] [--events 5000] [--rounds 3]`
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import {
  GetItemCommand,
  DeleteTableCommand,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { ensureLedgerTable, LOCAL_ENV } from "../infra/dynamodb/table.ts";
import { dynamoClient, PARALLEL_REQUESTS } from "../lib/dynamo/client.ts";
import { dynamoLedger } from "../lib/ledger/dynamo-ledger.ts";
import { chunksOf, inParallel } from "../lib/async/in-parallel.ts";
import type { Asked, Completion, Done, Key, Ledger } from "../lib/ledger/ledger.ts";
import { type RedisClient, redisClient } from "../lib/ledger/redis-client.ts";
import { redisLedger } from "../lib/ledger/redis-ledger.ts";
import { measure, median, printMachine, printTable, type Measured } from "./report.ts";

const { values } = parseArgs({
  options: {
    endpoint: { type: "string", default: process.env["AWS_ENDPOINT_URL_DYNAMODB"] },
    redis: { type: "string", default: process.env["REDIS_URL"] },
    events: { type: "string", default: "5000" },
    rounds: { type: "string", default: "3" },
  },
});
if (values.endpoint === undefined) throw new Error("set --endpoint or AWS_ENDPOINT_URL_DYNAMODB");
if (values.redis === undefined) throw new Error("set --redis or REDIS_URL");
const { endpoint, redis: redisUrl } = values;
const events = Number(values.events);
const rounds = Number(values.rounds);
for (const [name, value] of Object.entries(LOCAL_ENV)) process.env[name] ??= value;

const DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const table = `bench-ledger-${randomUUID()}`;
let requests = 0;
const client = dynamoClient({ endpoint });
client.middlewareStack.add(
  (next) => (args) => {
    requests += 1;
    return next(args);
  },
  // After the retries: each attempt counts.
  { step: "finalizeRequest", name: "count", priority: "low" },
);

type Variant = {
  name: string;
  count: number;
  run: (ids: readonly string[]) => Promise<void>;
  isDone: (ids: readonly string[]) => Promise<boolean>;
};
type Result = Measured & { requests: number; count: number };

const redis = redisClient(redisUrl);
const consumer = `bench-${randomUUID()}`;
const ledgers: [string, Ledger][] = [
  [
    "DynamoDB",
    dynamoLedger({
      client,
      table,
      consumer: "bench",
      doneSets: true,
      now: Date.now,
      random: Math.random,
    }),
  ],
  ["Redis", redisLedger({ client: counting(redis), consumer })],
];
const variants: Variant[] = [
  ...ledgers.flatMap(([store, ledger]) =>
    [1_000, 100].map((size) => ({
      name: `${store}: look + complete, batches of ${size}`,
      count: events,
      run: (ids: readonly string[]) => inBatches(ledger, size, ids),
      isDone: (ids: readonly string[]) => rowsAreDone(ledger, ids),
    })),
  ),
  {
    name: "DynamoDB: PutItem claim + UpdateItem complete, 16 at once",
    count: Math.ceil(events / 5),
    run: singly,
    isDone: itemsAreDone,
  },
];

await ensureLedgerTable({ endpoint, table });
try {
  const results = new Map(variants.map(({ name }) => [name, [] as Result[]]));
  // The first round warms up. Variants take turns, so that noise affects them alike.
  for (let round = 0; round <= rounds; round++) {
    for (const { name, count, run, isDone } of variants) {
      const ids = Array.from({ length: count }, () => randomUUID());
      requests = 0;
      const result = { ...(await measure(() => run(ids))), requests, count };
      if (round > 0) results.get(name)!.push(result);
      assert(await isDone(ids), `${name}: not every event is done`);
    }
  }
  report(results);
} finally {
  await client.send(new DeleteTableCommand({ TableName: table }));
  client.destroy();
  await redis.run(async (one) => one.unlink(await one.keys(`ledger#${consumer}#*`)));
  redis.close();
}

function counting(counted: RedisClient): RedisClient {
  return {
    ...counted,
    run(command) {
      requests += 1;
      return counted.run(command);
    },
  };
}

/** Runs the batches one after the other, as invocations of a function. */
async function inBatches(ledger: Ledger, size: number, ids: readonly string[]): Promise<void> {
  for (const batch of chunksOf(size, ids)) {
    const rows = await ledger.look(batch.map(asked));
    const changes = batch.map((id, index): Completion => {
      const to: Done = { state: "done", rev: randomUUID(), digest: DIGEST };
      return { key: keyOf(id), over: rows[index], to };
    });
    const standing = await ledger.complete(changes);
    assert(standing.every((row) => row === undefined));
  }
}

async function rowsAreDone(ledger: Ledger, ids: readonly string[]): Promise<boolean> {
  const rows = await ledger.look(ids.map(asked));
  return rows.every((row) => row?.state === "done" && row.digest === DIGEST);
}

function asked(id: string): Asked {
  return { key: keyOf(id), digest: DIGEST, fresh: true };
}

function keyOf(id: string): Key {
  return { tenant: "bench", source: "shop", id };
}

/** The calls of Powertools' idempotency for one record: a conditional put, then an update. */
async function singly(ids: readonly string[]): Promise<void> {
  await inParallel(ids, PARALLEL_REQUESTS, async (id) => {
    const now = Date.now();
    await client.send(
      new PutItemCommand({
        TableName: table,
        Item: {
          pk: { S: `single#${id}` },
          status: { S: "INPROGRESS" },
          expires: { N: String(Math.floor(now / 1_000) + 3_600) },
          in_progress_expiration: { N: String(now + 60_000) },
        },
        ConditionExpression:
          "attribute_not_exists(#pk) OR #expires < :now OR (#status = :inprogress AND #until < :now_ms)",
        ExpressionAttributeNames: {
          "#pk": "pk",
          "#expires": "expires",
          "#status": "status",
          "#until": "in_progress_expiration",
        },
        ExpressionAttributeValues: {
          ":now": { N: String(Math.floor(now / 1_000)) },
          ":now_ms": { N: String(now) },
          ":inprogress": { S: "INPROGRESS" },
        },
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    );
    await client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: { pk: { S: `single#${id}` } },
        UpdateExpression: "SET #digest = :digest, #expires = :expires, #status = :status",
        ExpressionAttributeNames: {
          "#digest": "digest",
          "#expires": "expires",
          "#status": "status",
        },
        ExpressionAttributeValues: {
          ":digest": { S: DIGEST },
          ":expires": { N: String(Math.floor(now / 1_000) + 3_600) },
          ":status": { S: "COMPLETED" },
        },
      }),
    );
  });
}

async function itemsAreDone(ids: readonly string[]): Promise<boolean> {
  let done = 0;
  await inParallel(ids, PARALLEL_REQUESTS, async (id) => {
    const Key = { pk: { S: `single#${id}` } };
    const { Item } = await client.send(new GetItemCommand({ TableName: table, Key }));
    if (Item?.["status"]?.S === "COMPLETED") done += 1;
  });
  return done === ids.length;
}

function report(results: Map<string, Result[]>): void {
  printMachine(["@aws-sdk/client-dynamodb", "ioredis"], {
    "DynamoDB at": endpoint,
    "Redis at": new URL(redisUrl).host,
  });
  console.log(`median of ${rounds} rounds; CPU of this process only\n`);

  const medians = [...results].map(([name, all]) => ({
    name,
    ...median(all, ({ cpuSeconds }) => cpuSeconds),
  }));
  const baseline = cpuOf(medians.at(-1)!);
  printTable(
    ["", "events", "events/s", "CPU µs/event", "of single calls", "requests/event"],
    medians.map((one) => [
      one.name,
      one.count,
      Math.round(one.count / one.seconds),
      cpuOf(one).toFixed(0),
      `${((100 * cpuOf(one)) / baseline).toFixed(0)} %`,
      (one.requests / one.count).toFixed(3),
    ]),
  );
}

function cpuOf({ cpuSeconds, count }: Result): number {
  return (cpuSeconds * 1e6) / count;
}
