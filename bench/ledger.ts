/**
 * The ledger's cost for an event of a full group: one look and one completion, in batches, with ids that
 * contain a time (UUIDv7) and with ids that do not (UUIDv4), compared with a claim and a completion by
 * single conditional calls, as idempotency libraries make them.
 * `npx node bench/ledger.ts [--endpoint http://…] [--redis redis://…] [--events 5000] [--rounds 3]`
 *
 * `--second 1000000` measures one second with so many ids instead, in time order, as one round, and the
 * same with 10,000 ids.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { v7 } from "uuid";
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
    second: { type: "string" },
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
/** What the store was asked for. Units are those of DynamoDB. */
const spent = { requests: 0, reads: 0, writes: 0 };
const client = dynamoClient({ endpoint });
client.middlewareStack.add(
  (next, { commandName }) =>
    async (args) => {
      Object.assign(args.input, { ReturnConsumedCapacity: "TOTAL" });
      const result = await next(args);
      countUnits(String(commandName), args.input as Sent, result.output as Answer);
      return result;
    },
  { step: "initialize", name: "countUnits" },
);
client.middlewareStack.add(
  (next) => (args) => {
    spent.requests += 1;
    return next(args);
  },
  // After the retries: each attempt counts.
  { step: "finalizeRequest", name: "count", priority: "low" },
);

type Sent = { RequestItems?: Record<string, { Keys: unknown[] }>; Statements?: unknown[] };
type Consumed = { CapacityUnits?: number };
type Answer = { ConsumedCapacity?: Consumed | Consumed[]; Responses?: Record<string, unknown[]> };

/** DynamoDB Local does not count what DynamoDB also charges: items that are absent, and statements. */
function countUnits(command: string, sent: Sent, { ConsumedCapacity, Responses }: Answer): void {
  const counted = [ConsumedCapacity ?? []].flat();
  const units = counted.reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
  if (command === "BatchGetItemCommand") {
    spent.reads += units + sent.RequestItems![table]!.Keys.length - Responses![table]!.length;
  } else if (command === "BatchExecuteStatementCommand") {
    spent.writes += sent.Statements!.length;
  } else if (command !== "GetItemCommand") {
    spent.writes += units;
  }
}

type Variant = {
  name: string;
  ids: () => string[];
  run: (ids: readonly string[]) => Promise<void>;
  isDone: (ids: readonly string[]) => Promise<boolean>;
};
type Result = Measured & typeof spent & { count: number };

const redis = redisClient(redisUrl);
const consumer = `bench-${randomUUID()}`;
const tools = { now: Date.now, random: Math.random };
const dynamo = dynamoLedger({ client, table, consumer: "bench", doneSets: true, ...tools });
const kept = redisLedger({ client: counting(redis), consumer });
let clock = Date.now();

const batched = (store: string, ledger: Ledger, size: number, ids: () => string[]): Variant => ({
  name: `${store}, batches of ${size.toLocaleString("en")}`,
  ids,
  run: (all) => inBatches(ledger, size, all),
  isDone: (all) => rowsAreDone(ledger, all),
});
const variants: Variant[] =
  values.second === undefined
    ? [
        batched("DynamoDB, UUIDv7", dynamo, 1_000, () => timed(events, 1_000)),
        batched("DynamoDB, UUIDv7", dynamo, 100, () => timed(events, 100)),
        batched("DynamoDB, UUIDv4", dynamo, 1_000, () => foreign(events)),
        batched("DynamoDB, UUIDv4", dynamo, 100, () => foreign(events)),
        batched("Redis", kept, 1_000, () => foreign(events)),
        batched("Redis", kept, 100, () => foreign(events)),
        {
          name: "DynamoDB: PutItem claim + UpdateItem complete, 16 at once",
          ids: () => foreign(Math.ceil(events / 5)),
          run: singly,
          isDone: itemsAreDone,
        },
      ]
    : [10_000, Number(values.second)].map((count) => ({
        ...batched(`${count.toLocaleString("en")} ids in one second`, dynamo, 1_000, () =>
          timed(count, count),
        ),
      }));

await ensureLedgerTable({ endpoint, table });
try {
  const results = new Map(variants.map(({ name }) => [name, [] as Result[]]));
  // The first round warms up. Variants take turns, so that noise affects them alike.
  for (let round = values.second === undefined ? 0 : rounds; round <= rounds; round++) {
    for (const { name, ids: newIds, run, isDone } of variants) {
      const ids = newIds();
      Object.assign(spent, { requests: 0, reads: 0, writes: 0 });
      const result = { ...(await measure(() => run(ids))), ...spent, count: ids.length };
      if (round > 0) results.get(name)!.push(result);
      assert(await isDone(ids), `${name}: not every event is done`);
    }
  }
  report(results);
} finally {
  await client.send(new DeleteTableCommand({ TableName: table }));
  client.destroy();
  await redis.run(async (one) => {
    const keys = await one.keys(`ledger#${consumer}#*`);
    if (keys.length > 0) await one.unlink(keys);
  });
  redis.close();
}

function counting(counted: RedisClient): RedisClient {
  return {
    ...counted,
    run(command) {
      spent.requests += 1;
      return counted.run(command);
    },
  };
}

/** As a producer of so many events a second makes them. */
function timed(count: number, perSecond: number): string[] {
  const start = (clock += 60_000);
  return Array.from({ length: count }, (_, index) =>
    v7({ msecs: start + Math.floor((index * 1_000) / perSecond) }),
  );
}

function foreign(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID());
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
  for (const some of chunksOf(1_000, ids)) {
    const rows = await ledger.look(some.map(asked));
    if (!rows.every((row) => row?.state === "done" && row.digest === DIGEST)) return false;
  }
  return true;
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
  const perEvent = (value: number, { count }: Result) => (value / count).toFixed(3);
  printTable(
    [
      "look + complete",
      "events",
      "events/s",
      "CPU µs/event",
      "requests",
      "write units",
      "read units",
      "$/million",
    ],
    medians.map((one) => [
      one.name,
      one.count,
      Math.round(one.count / one.seconds),
      ((one.cpuSeconds * 1e6) / one.count).toFixed(0),
      perEvent(one.requests, one),
      perEvent(one.writes, one),
      perEvent(one.reads, one),
      one.name.startsWith("Redis") ? "" : dollars(one).toFixed(3),
    ]),
  );
  console.log("\nrequests and units are for one event; $ is on demand, us-east-1, without storage");
}

/** For a million events: $0.625 for a million write units, $0.125 for read units (list price, 2026). */
function dollars({ writes, reads, count }: Result): number {
  return (writes * 0.625 + reads * 0.125) / count;
}
