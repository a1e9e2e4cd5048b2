import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { dynamoClient } from "../../lib/dynamo/client.ts";
import { dynamoLedger } from "../../lib/ledger/dynamo-ledger.ts";
import {
  type Done,
  type Key,
  type Ledger,
  LedgerUnavailableError,
} from "../../lib/ledger/ledger.ts";
import { createTable, endpoint } from "./dynamo.ts";
import { dynamoProxy, passOn, type Exchange, type Fault } from "./dynamo-proxy.ts";
import { asked } from "../contract/rows.ts";

let table: string;
let remove: () => Promise<void>;
let proxy: Awaited<ReturnType<typeof dynamoProxy>>;
let client: DynamoDBClient;
let ledger: Ledger;
let count = 0;

beforeAll(async () => {
  ({ table, remove } = await createTable());
});
afterAll(() => remove());

// One for each test: what an ended test has left on its way must not meet the faults of the next.
beforeEach(async () => {
  proxy = await dynamoProxy(endpoint);
  client = dynamoClient({ endpoint: proxy.endpoint });
  ledger = open();
});
afterEach(async () => {
  client.destroy();
  await proxy.close();
});

function open({ deadlineMs = 10_000, random = Math.random, doneSets = false } = {}): Ledger {
  const consumer = `c-${doneSets}`;
  return dynamoLedger({ client, table, consumer, doneSets, now: Date.now, random, deadlineMs });
}

test("every read is consistent, also the repeated ones", async () => {
  const { keys, dones, changes } = await written(3);
  const consistent: boolean[] = [];
  const noting =
    (fault: Fault): Fault =>
    (exchange) => {
      consistent.push((exchange.body as Read).RequestItems[table]!.ConsistentRead);
      return fault(exchange);
    };

  proxy.play(noting(readOnly(1)), noting(passOn));
  await ledger.look(keys.map(asked));
  proxy.play(passOn, noting(passOn));
  await ledger.swap(changes.map((change) => ({ ...change, over: dones[0], to: done() })));
  expect(consistent).toEqual([true, true, true]);
});

describe("what DynamoDB leaves undone is asked for again:", () => {
  test("keys of a read", async () => {
    const { keys, dones } = await written(10);

    proxy.play(readOnly(4), readOnly(0), readOnly(5));
    expect(await ledger.look(keys.map(asked))).toEqual(dones);
    expect(proxy.operations).toEqual(Array.from({ length: 4 }, () => "BatchGetItem"));
  });

  test.for(["ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"])(
    "statements that were refused by %s",
    async (code) => {
      const { changes, keys, dones } = fresh(10);

      proxy.play(executeOnly(4, code), executeOnly(0, code));
      expect(await ledger.swap(changes)).toEqual(changes.map(() => ({ written: true })));
      expect(proxy.operations).toEqual(Array.from({ length: 3 }, () => "BatchExecuteStatement"));
      expect(await ledger.look(keys.map(asked))).toEqual(dones);
    },
  );

  test("a request without an answer, after 3 s", async () => {
    const { changes } = fresh(3);

    proxy.play(() => {});
    expect(await ledger.swap(changes)).toEqual(changes.map(() => ({ written: true })));
    expect(proxy.operations).toHaveLength(2);
  });

  test("a whole request that was throttled", async () => {
    const { changes } = fresh(3);

    proxy.play(throttleAll);
    expect(await ledger.swap(changes)).toEqual(changes.map(() => ({ written: true })));
    expect(proxy.operations).toHaveLength(2);
  });
});

describe("what was carried out but not confirmed counts as written:", () => {
  const faults: [string, Fault][] = [
    ["when the answer is lost", loseAnswer],
    ["when DynamoDB reports an internal error", confirmNothing],
  ];
  test.for(faults)("a first write, %s", async ([, fault]) => {
    const { changes, keys, dones } = fresh(10);

    proxy.play(fault);
    expect(await ledger.swap(changes)).toEqual(changes.map(() => ({ written: true })));
    expect(await ledger.look(keys.map(asked))).toEqual(dones);
  });

  test.for(faults)("a replacement and a removal, %s", async ([, fault]) => {
    const { keys, dones } = await written(2);
    const to = done();

    proxy.play(fault);
    expect(
      await ledger.swap([
        { key: keys[0]!, over: dones[0], to },
        { key: keys[1]!, over: dones[1], to: undefined },
      ]),
    ).toEqual([{ written: true }, { written: true }]);
    expect(await ledger.look(keys.map(asked))).toEqual([to, undefined]);
  });
});

describe("a call that cannot be answered ends in time, with the cause:", () => {
  const calls: [string, (ledger: Ledger) => Promise<unknown>][] = [
    ["a read", (slow) => slow.look(fresh(250).keys.map(asked))],
    ["a write", (slow) => slow.swap(fresh(250).changes)],
  ];

  test.for(calls)("%s, when DynamoDB keeps silent", async ([, call]) => {
    proxy.playOn(() => {});

    const { failure, ms } = await failureOf(() => call(open({ deadlineMs: 300 })));
    expect(failure).toBeInstanceOf(LedgerUnavailableError);
    expect(failure).toMatchObject({
      message: `DynamoDB table "${table}": no answer within 300 ms`,
      cause: { name: "AbortError" },
    });
    expect(ms).toBeLessThan(1_000);
  });

  test.for(calls)("%s, when DynamoDB throttles without end", async ([name, call]) => {
    proxy.playOn(name === "a read" ? readOnly(0) : executeOnly(0, "ThrottlingError"));

    // The longest pauses: 50, 100, 200, 400, 800 ms. The last is cut short.
    const { failure, ms } = await failureOf(() =>
      call(open({ deadlineMs: 800, random: () => 0.999 })),
    );
    expect(failure).toMatchObject({
      message: `DynamoDB table "${table}": no answer within 800 ms`,
    });
    expect(ms).toBeLessThan(1_400);
  });

  test("a statement is refused for good", async () => {
    proxy.play(executeOnly(1, "AccessDenied"));
    await expect(ledger.swap(fresh(2).changes)).rejects.toThrow("AccessDenied: as the test wants");
  });

  test("an answer is not complete", async () => {
    proxy.play(async ({ forward, answer }) => {
      const { Responses } = (await forward()) as { Responses: unknown[] };
      answer(200, { Responses: Responses.slice(1) });
    });
    await expect(ledger.swap(fresh(2).changes)).rejects.toThrow("left without an answer");
  });

  test("nobody listens", async () => {
    const nobody = dynamoClient({ endpoint: "http://127.0.0.1:1" });
    const dead = dynamoLedger({
      client: nobody,
      table,
      consumer: "c",
      doneSets: false,
      now: Date.now,
      random: Math.random,
    });

    await expect(dead.swap(fresh(1).changes)).rejects.toThrow("ECONNREFUSED");
  });
});

test("one key's failure leaves no write behind that is still on its way", async () => {
  const { changes } = fresh(100);
  let ended = 0;
  proxy.play(executeOnly(0, "AccessDenied"), ...[1, 2, 3].map(() => late));

  async function late(exchange: Exchange): Promise<void> {
    await passOn(exchange);
    ended += 1;
  }
  await expect(ledger.swap(changes)).rejects.toThrow("AccessDenied");
  expect(ended).toBe(3);
});

async function failureOf(call: () => Promise<unknown>): Promise<{ failure: unknown; ms: number }> {
  const started = performance.now();
  const failure = await call().then(
    () => undefined,
    (error: unknown) => error,
  );
  return { failure, ms: performance.now() - started };
}

/** New keys, their rows and the changes that write them. */
function fresh(size: number) {
  const keys = Array.from({ length: size }, (): Key => ({
    tenant: "t",
    source: "shop",
    id: `${count++}`,
  }));
  const dones = keys.map(() => done());
  const changes = keys.map((key, index) => ({ key, over: undefined, to: dones[index] }));
  return { keys, dones, changes };
}

async function written(size: number) {
  const rows = fresh(size);
  proxy.play();
  await ledger.swap(rows.changes);
  return rows;
}

function done(): Done {
  return { state: "done", rev: `rev-${count++}`, digest: "d" };
}

/** Answers for the first `size` keys; the others are unprocessed. */
function readOnly(size: number): Fault {
  return async ({ body, forward, answer }) => {
    const { Keys, ...how } = (body as Read).RequestItems[table]!;
    const some = { RequestItems: { [table]: { ...how, Keys: Keys.slice(0, size) } } };
    const { Responses } = size === 0 ? { Responses: {} } : await forward(some);
    const rest = Keys.slice(size);
    const UnprocessedKeys = rest.length === 0 ? {} : { [table]: { ...how, Keys: rest } };
    answer(200, { Responses, UnprocessedKeys });
  };
}

/** Carries the first `size` statements out; the others are answered by an error. */
function executeOnly(size: number, Code: string): Fault {
  return async ({ body, forward, answer }) => {
    const { Statements } = body as Write;
    const some = { Statements: Statements.slice(0, size) };
    const { Responses } = (size === 0 ? { Responses: [] } : await forward(some)) as Answers;
    const errors = Statements.slice(size).map(() => ({
      Error: { Code, Message: "as the test wants" },
    }));
    answer(200, { Responses: [...Responses, ...errors] });
  };
}

async function confirmNothing({ forward, answer }: Exchange): Promise<void> {
  const { Responses } = (await forward()) as Answers;
  const Error = { Code: "InternalServerError", Message: "as the test wants" };
  answer(200, { Responses: Responses.map(() => ({ Error })) });
}

async function loseAnswer({ forward, hangUp }: Exchange): Promise<void> {
  await forward();
  hangUp();
}

function throttleAll({ answer }: Exchange): void {
  const __type = "com.amazonaws.dynamodb.v20120810#ThrottlingException";
  answer(400, { __type, message: "as the test wants" });
}

type Read = { RequestItems: Record<string, { Keys: unknown[]; ConsistentRead: boolean }> };
type Write = { Statements: unknown[] };
type Answers = { Responses: unknown[] };
