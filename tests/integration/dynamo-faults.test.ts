import { BatchGetItemCommand, type DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { v7 } from "uuid";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { dynamoClient } from "../../lib/dynamo/client.ts";
import { dynamoLedger } from "../../lib/ledger/dynamo-ledger.ts";
import { slotOf } from "../../lib/ledger/slot.ts";
import {
  type Completion,
  type Done,
  type Key,
  type Ledger,
  LedgerUnavailableError,
} from "../../lib/ledger/ledger.ts";
import { createTable, endpoint } from "./dynamo.ts";
import { dynamoProxy, passOn, type Exchange, type Fault } from "./dynamo-proxy.ts";
import { asked, claimed as claim } from "../contract/rows.ts";

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

describe("with done sets", () => {
  beforeEach(() => (ledger = open({ doneSets: true })));
  const stranger = () => open({ doneSets: true });

  test("a row is written after its slot was marked, once for each", async () => {
    const [first, second] = timed(2);

    await ledger.swap([{ key: first!, over: undefined, to: claim() }]);
    await ledger.swap([{ key: second!, over: undefined, to: claim() }]);

    expect(proxy.operations).toEqual([
      "UpdateItem",
      "BatchExecuteStatement",
      "BatchExecuteStatement",
    ]);
  });

  test("no row is written whose mark failed", async () => {
    const [key] = timed(1);
    proxy.play(refuse);

    await expect(ledger.swap([{ key: key!, over: undefined, to: claim() }])).rejects.toThrow(
      "AccessDenied",
    );
    expect(await stranger().look([asked(key!)])).toEqual([undefined]);
  });

  test("of a slot without rows no row is read, and of one with rows all are", async () => {
    const [key, other] = timed(2);
    const fresh = { ...asked(key!), fresh: true };
    await ledger.look([fresh]);
    expect(proxy.operations).toEqual(["BatchGetItem"]);

    await stranger().swap([{ key: other!, over: undefined, to: claim() }]);
    proxy.play();
    await ledger.look([fresh]);
    expect(proxy.operations).toEqual(["BatchGetItem", "BatchGetItem"]);
  });

  test.for<[string, Fault[]]>([
    ["whose answer is lost", [loseAnswer]],
    ["that is throttled", [throttleAll, throttleAll, throttleAll, throttleAll, throttleAll]],
  ])("an addition %s is repeated", async ([, faults]) => {
    const changes = timed(10).map((key) => ({ key, over: undefined, to: done() }));
    await ledger.look(changes.map(({ key }) => asked(key)));

    proxy.play(...faults);
    expect(await ledger.complete(changes)).toEqual(changes.map(() => undefined));
    expect(await states(stranger(), changes)).toEqual(changes.map(() => "done"));
    expect(await pagesOf(changes)).toMatchObject([{ done: { BS: [expect.anything()] } }]);
  });

  test("after a lost answer, another event of the id is told of in doubt", async () => {
    const [key] = timed(1);
    await ledger.look([asked(key!)]);
    await stranger().complete([{ key: key!, over: undefined, to: done("other") }]);

    proxy.play(loseAnswer);
    expect(await ledger.complete([{ key: key!, over: undefined, to: done() }])).toMatchObject([
      { state: "done", digest: expect.stringContaining("other") },
    ]);
  });

  test("an addition that fails on one page of several throws, and is there after a repeat", async () => {
    const changes = [...timed(5), ...timed(5)].map((key) => ({ key, over: undefined, to: done() }));
    await ledger.look(changes.map(({ key }) => asked(key)));

    proxy.play(passOn, refuse);
    await expect(ledger.complete(changes)).rejects.toThrow(LedgerUnavailableError);
    expect((await states(stranger(), changes)).filter((state) => state === "done")).toHaveLength(5);

    expect(await ledger.complete(changes)).toEqual(changes.map(() => undefined));
    expect(await states(stranger(), changes)).toEqual(changes.map(() => "done"));
  });

  test("an addition without an answer ends in time", async () => {
    const [key] = timed(1);
    proxy.playOn(() => {});

    const slow = open({ doneSets: true, deadlineMs: 300 });
    const { failure, ms } = await failureOf(() =>
      slow.complete([{ key: key!, over: undefined, to: done() }]),
    );
    expect(failure).toMatchObject({ message: expect.stringContaining("no answer within 300 ms") });
    expect(ms).toBeLessThan(1_000);
  });

  test("keys of pages that are left undone are asked for again", async () => {
    const changes = Array.from({ length: 5 }, () => timed(1)[0]!).map((key) => ({
      key,
      over: undefined,
      to: done(),
    }));
    await ledger.complete(changes);

    proxy.play(readOnly(2), readOnly(0));
    const fresh = changes.map(({ key, to }) => ({ key, digest: to.digest, fresh: true }));
    expect(await ledger.look(fresh)).toMatchObject(changes.map(() => ({ state: "done" })));
  });

  test("a claimed row that cannot be removed is no failure", async () => {
    const [key] = timed(1);
    const over = claim();
    await ledger.swap([{ key: key!, over: undefined, to: over }]);
    await ledger.look([asked(key!)]);

    proxy.play(passOn, refuse);
    expect(await ledger.complete([{ key: key!, over, to: done() }])).toEqual([undefined]);
    expect(proxy.operations).toEqual(["UpdateItem", "BatchExecuteStatement"]);
    expect(await stranger().look([asked(key!)])).toMatchObject([{ state: "done" }]);
  });

  test("a page that the store takes no more of is full", async () => {
    const [late, ...others] = timed(400);
    await ledger.look([asked(late!)]);
    const dones = others.map((key) => ({ key, over: undefined, to: done() }));
    await stranger().complete(dones);

    proxy.play(({ answer }) =>
      answer(400, {
        __type: "com.amazon.coral.validate#ValidationException",
        message: "Item size to update has exceeded the maximum allowed size",
      }),
    );
    const change = { key: late!, over: undefined, to: done() };
    expect(await ledger.complete([change])).toEqual([undefined]);
    expect(await states(stranger(), [change, ...dones])).toEqual(
      [change, ...dones].map(() => "done"),
    );
  });

  test("a page that cannot be read costs its events, and no others", async () => {
    const [key] = timed(1);
    const [other] = timed(1);
    const pk = { S: pageOf(key!) };
    const Item = { pk, done: { BS: [new Uint8Array(7)] }, expires: { N: "4102444800" } };
    await client.send(new PutItemCommand({ TableName: table, Item }));

    expect(await ledger.look([asked(key!), asked(other!)])).toMatchObject([
      { state: "unreadable", error: expect.stringContaining("done") },
      undefined!,
    ]);
    await expect(ledger.complete([{ key: key!, over: undefined, to: done() }])).rejects.toThrow(
      LedgerUnavailableError,
    );
  });
});

/** Events of one slot, of which no other test has any. */
function timed(size: number): Key[] {
  const msecs = Date.UTC(2030, 0, 1) + count++ * 8_000;
  return Array.from({ length: size }, () => ({ tenant: "t", source: "shop", id: v7({ msecs }) }));
}

function pageOf({ tenant, id }: Key): string {
  return `#c-true#${tenant}#${slotOf(id)!.start}`;
}

async function pagesOf(changes: readonly Completion[]) {
  const Keys = [...new Set(changes.map(({ key }) => pageOf(key)))].map((pk) => ({ pk: { S: pk } }));
  const { Responses } = await client.send(
    new BatchGetItemCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } }),
  );
  return Responses![table];
}

async function states(reader: Ledger, changes: readonly Completion[]) {
  const rows = await reader.look(
    changes.map(({ key, to }) => ({ key, digest: to.digest, fresh: false })),
  );
  return rows.map((row) => row?.state);
}

function refuse({ answer }: Exchange): void {
  const __type = "com.amazonaws.dynamodb.v20120810#AccessDeniedException";
  answer(400, { __type, message: "AccessDenied: as the test wants" });
}

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

function done(digest = "d"): Done {
  return { state: "done", rev: `rev-${count++}`, digest };
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
