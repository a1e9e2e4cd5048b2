import { randomUUID } from "node:crypto";
import { v7 } from "uuid";
import { beforeEach, describe, expect, test } from "vitest";
import { chunksOf } from "../../lib/async/in-parallel.ts";
import type { Asked, Completion, Done, Key, Ledger, Row } from "../../lib/ledger/ledger.ts";
import { claimed, type CreateLedger, done, forwarded, idKey } from "./rows.ts";

const DAY = 86_400_000;

/** What `complete` records, for ids with and without a time in them: part of `ledgerContract`. */
export function completingContract(create: CreateLedger, age: (ms: number) => Promise<void>): void {
  const msecs = Date.UTC(2026, 10, 29, 12);
  describe.each([
    ["ids without a time", () => idKey(`order-${randomUUID()}`)],
    ["UUIDv7 ids of one second", () => idKey(`evt_${v7({ msecs: msecs + random(1_000) })}`)],
    ["UUIDv7 ids of ten minutes", () => idKey(v7({ msecs: msecs + random(600_000) }))],
  ])("%s:", (_, newKey) => {
    completing(create, age, newKey);
  });
}

function completing(
  create: CreateLedger,
  age: (ms: number) => Promise<void>,
  newKey: () => Key,
): void {
  let time: number;
  let consumer: string;
  let key: Key;
  let ledger: Ledger;

  beforeEach(() => {
    time = Date.UTC(2100, 0, 1);
    consumer = `c-${randomUUID()}`;
    key = newKey();
    ledger = open();
  });

  const open = () => create({ consumer, now: () => time });
  const pass = async (ms: number) => {
    time += ms;
    await age(ms);
  };
  const completeOne = async (to: Done = done(), over?: Row, by = ledger) =>
    (await by.complete([{ key, over, to }]))[0];

  /** As one who has nothing in memory: what it says of an event with this digest. */
  const isDone = async (at: Key, { digest }: { digest: string }, { fresh = false } = {}) => {
    const [row] = await open().look([{ key: at, digest, fresh }]);
    return row?.state === "done" && row.digest === digest;
  };

  describe.each([
    ["a fresh message", true],
    ["another message", false],
  ])("what is complete is done for %s", (_, fresh) => {
    test.for<[string, () => Row | undefined]>([
      ["nothing", () => undefined],
      ["a claim", () => claimed()],
      ["a claim over a forwarded row", () => claimed({ beneath: forwarded() })],
      ["a forwarded row", () => forwarded()],
      ["a claim of another event", () => claimed({ digest: "other" })],
    ])("over %s", async ([, row]) => {
      const over = row();
      await ledger.swap([{ key, over: undefined, to: over }]);

      expect(await completeOne(done(), over)).toBeUndefined();
      expect(await isDone(key, done(), { fresh })).toBe(true);
    });

    test("over a claim that another has taken over", async () => {
      const [first, second] = [claimed(), claimed()];
      await ledger.swap([{ key, over: undefined, to: first }]);
      await ledger.swap([{ key, over: first, to: second }]);

      expect(await completeOne(done(), first)).toBeUndefined();
      expect(await isDone(key, done(), { fresh })).toBe(true);
    });

    test("again, over itself", async () => {
      await completeOne();

      expect(await completeOne()).toBeUndefined();
      expect(await isDone(key, done(), { fresh })).toBe(true);
    });
  });

  test("a fresh look finds what was claimed or forwarded", async () => {
    const keys = Array.from({ length: 40 }, newKey);
    const rows = keys.map((_, i) => (i % 2 === 0 ? claimed() : forwarded()));
    await ledger.swap(keys.map((at, i) => ({ key: at, over: undefined, to: rows[i] })));

    for (const one of [ledger, open()]) {
      expect(await one.look(keys.map((at) => freshly(at)))).toEqual(rows);
    }
  });

  test("a look that found nothing finds a claim that came later", async () => {
    expect(await ledger.look([freshly(key)])).toEqual([undefined]);
    const row = claimed();
    await open().swap([{ key, over: undefined, to: row }]);

    expect(await ledger.look([freshly(key)])).toEqual([row]);
  });

  test("a claim over what was done meanwhile is refused by its own row only", async () => {
    await ledger.look([freshly(key)]);
    const over = claimed();
    await ledger.swap([{ key, over: undefined, to: over }]);
    await completeOne(done(), over);

    const [verdict] = await ledger.swap([{ key, over, to: claimed() }]);
    expect(verdict).toMatchObject({ written: false, row: { state: "done", digest: over.digest } });
  });

  describe("an id that two events have:", () => {
    const other = () => ({ ...done(), digest: "another-digest-of-this-id-000000000000000000" });

    test("the second is told of the first, which stays done", async () => {
      await completeOne();
      const told = await completeOne(other());

      expect(told).toMatchObject({ state: "done" });
      expect(told?.digest).not.toBe(other().digest);
      expect(await isDone(key, done())).toBe(true);
      expect(await isDone(key, other())).toBe(false);
      expect(await open().look([freshly(key, other())])).toMatchObject([{ state: "done" }]);
    });

    test("of 16 at the same moment, who all have looked, one is not told", async () => {
      const workers = Array.from({ length: 16 }, open);
      await Promise.all(workers.map((one) => one.look([freshly(key)])));
      const told = await Promise.all(
        workers.map((one, i) =>
          completeOne({ ...done(), digest: `${i}-`.padEnd(43, "d") }, undefined, one),
        ),
      );

      expect(told.filter((row) => row === undefined)).toHaveLength(1);
    });
  });

  describe("of two events with one id, between whose looks a thousand others were done,", () => {
    const [one, two] = ["1", "2"].map((digit) => ({ ...done(), digest: digit.repeat(43) })) as [
      Done,
      Done,
    ];

    test.for([
      ["the earlier look is completed first", true],
      ["the later look is completed first", false],
    ] as const)("the second is told: %s", async ([, earlierFirst]) => {
      const [early, late] = [open(), open()];
      await early.look([freshly(key, one)]);
      const others = Array.from({ length: 1_000 }, newKey);
      for (const some of chunksOf(250, others)) await ledger.complete(toDone(some));
      await late.look([freshly(key, two)]);

      const [first, second] = earlierFirst ? [early, late] : [late, early];
      const [to, then] = earlierFirst ? [one, two] : [two, one];
      expect(await completeOne(to, undefined, first)).toBeUndefined();
      expect(await completeOne(then, undefined, second)).toMatchObject({ state: "done" });
      expect(await open().look([freshly(key, to)])).toMatchObject([{ state: "done" }]);
    });
  });

  test("of 1,000 ids that two events have each one event is told, and so is who completes all later", async () => {
    const keys = Array.from({ length: 1_000 }, newKey);
    const worn = (digit: string) => toDone(keys, { ...done(), digest: digit.repeat(43) });
    const others = toDone(Array.from({ length: 500 }, newKey));
    const workers = [open(), open(), open()] as const;
    for (const one of workers) await one.look(keys.map((at) => freshly(at)));

    const [first, second] = await Promise.all([
      workers[0].complete(worn("1")),
      workers[1].complete([...worn("2"), ...others]),
    ]);
    const told = keys.map((_, i) => [first[i], second[i]].filter((row) => row !== undefined));
    expect(new Set(told.map(({ length }) => length))).toEqual(new Set([1]));

    const third = await workers[2].complete([...worn("3"), ...others]);
    expect(new Set(third.slice(0, 1_000).map((row) => row?.state))).toEqual(new Set(["done"]));
  });

  test("a fresh look finds a claim of a process that has completed others before", async () => {
    await completeOne();
    const at = newKey();
    const row = claimed();
    await ledger.swap([{ key: at, over: undefined, to: row }]);

    expect(await open().look([freshly(at)])).toEqual([row]);
  });

  test("two processes that complete the same events both succeed", async () => {
    const keys = Array.from({ length: 1_000 }, newKey);
    const workers = [open(), open()];
    const looked = await Promise.all(workers.map((one) => one.look(keys.map((at) => freshly(at)))));
    expect(new Set(looked.flat())).toEqual(new Set([undefined]));

    const told = await Promise.all(
      workers.map((one, i) => one.complete(toDone(i === 0 ? keys : keys.toReversed()))),
    );

    expect(new Set(told.flat())).toEqual(new Set([undefined]));
    expect(new Set(await states(open(), keys))).toEqual(new Set(["done"]));
  });

  test("who has never looked completes and finds the same", async () => {
    const keys = Array.from({ length: 1_500 }, newKey);
    for (const some of chunksOf(300, keys)) await open().complete(toDone(some));

    expect(new Set(await states(open(), keys))).toEqual(new Set(["done"]));
    const worn = { ...done(), digest: "w".repeat(43) };
    const told = await open().complete(keys.map((at) => ({ key: at, over: undefined, to: worn })));
    expect(new Set(told.map((row) => row?.state))).toEqual(new Set(["done"]));
  });

  describe("what is done stays so for 30 days", () => {
    test("and not for many more", async () => {
      await completeOne();
      await pass(30 * DAY - 1_000);
      expect(await isDone(key, done(), { fresh: true })).toBe(true);

      await pass(2 * DAY);
      expect(await ledger.look([freshly(key), { ...freshly(key), fresh: false }])).toEqual([
        undefined,
        undefined,
      ]);
      expect(await completeOne()).toBeUndefined();
      expect(await isDone(key, done(), { fresh: true })).toBe(true);
    });

    test("counted from its own completion, however old those before it are", async () => {
      const [late, ...early] = Array.from({ length: 800 }, newKey) as [Key, ...Key[]];
      for (const some of chunksOf(200, early)) await ledger.complete(toDone(some));
      await pass(20 * DAY);
      await ledger.complete(toDone([late]));
      await pass(29 * DAY);

      expect(await isDone(late, done(), { fresh: true })).toBe(true);
    });

    test("as long as its claim may be seen", async () => {
      await completeOne();
      await pass(29 * DAY);
      const at = newKey();
      const row = claimed();
      await ledger.swap([{ key: at, over: undefined, to: row }]);
      await pass(29 * DAY);

      expect(await open().look([freshly(at)])).toEqual([row]);
    });
  });
}

function freshly(key: Key, { digest } = done()): Asked {
  return { key, digest, fresh: true };
}

function toDone(keys: readonly Key[], to = done()): Completion[] {
  return keys.map((key) => ({ key, over: undefined, to }));
}

async function states(ledger: Ledger, keys: readonly Key[]): Promise<(string | undefined)[]> {
  const rows = await ledger.look(keys.map((key) => freshly(key)));
  return rows.map((row) => (row?.digest === done().digest ? row.state : undefined));
}

function random(below: number): number {
  return Math.floor(Math.random() * below);
}
