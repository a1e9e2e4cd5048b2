import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import type { Key, Ledger, Row, Verdict } from "../../lib/ledger/ledger.ts";
import { completingContract } from "./ledger-completing.ts";
import { keepingContract } from "./ledger-keeping.ts";
import { asked, claimed, type CreateLedger, done, forwarded, idKey } from "./rows.ts";

/**
 * What every ledger promises (lib/ledger/ledger.ts), as one suite for all implementations. A store
 * that goes by a clock of its own, not by `now`, says by `age` how its rows become older, in ms.
 */
export function ledgerContract(
  name: string,
  create: CreateLedger,
  age: (ms: number) => Promise<void> = async () => {},
): void {
  describe(`${name} keeps the ledger's promises:`, () => {
    swapContract(create);
    keepingContract(create, age);
    completingContract(create, age);
  });
}

/** Rows are read, and compared and swapped. */
function swapContract(create: CreateLedger): void {
  const key = idKey("order-1");
  let ledger: Ledger;

  // A new consumer for each test, since the store is shared and stays.
  beforeEach(() => {
    ledger = create({ consumer: `c-${randomUUID()}`, now: () => Date.UTC(2100, 0, 1) });
  });

  const rowOf = async (at: Key = key) => (await ledger.look([at].map(asked)))[0];
  const swapOne = async (over: Row | undefined, to: Row | undefined) =>
    (await ledger.swap([{ key, over, to }]))[0];

  describe("look", () => {
    test("returns one row or none per key, in the order of the keys", async () => {
      const [first, second] = [done(), forwarded()];
      const [a, b] = [idKey("a"), idKey("b")];
      await ledger.swap([
        { key: a, over: undefined, to: first },
        { key: b, over: undefined, to: second },
      ]);

      expect(await ledger.look([b, idKey("absent"), a].map(asked))).toEqual([
        second,
        undefined,
        first,
      ]);
    });

    test("returns a row twice if it is asked for twice", async () => {
      const row = done();
      await swapOne(undefined, row);

      expect(await ledger.look([key, idKey("absent"), key].map(asked))).toEqual([
        row,
        undefined,
        row,
      ]);
    });

    test("of no keys returns no rows", async () => {
      expect(await ledger.look([].map(asked))).toEqual([]);
    });
  });

  describe("a row comes back as it was written:", () => {
    const rows: Record<string, Row> = {
      done: done(),
      "forwarded to a retry": forwarded({ attempt: 3, generation: 2 }),
      "forwarded to the dead letters": forwarded({ attempt: "dead" }),
      "a first claim, of a copy without a number": claimed({ copy: undefined }),
      "a claim that crashed, about to send, over a forwarded row": claimed({
        copy: 0xffff_ffff_ffff,
        deliveryCount: 7,
        attempt: 2,
        generation: 3,
        crashes: ["process-1:a", "process-2:b"],
        sending: true,
        beneath: forwarded({ attempt: "dead", generation: 2 }),
      }),
    };

    test.for(Object.entries(rows))("%s", async ([, row]) => {
      expect(await swapOne(undefined, row)).toEqual({ written: true });
      expect(await rowOf()).toStrictEqual(row);
    });

    test.for(Object.entries(rows))("%s, over a row of every other state", async ([, row]) => {
      let standing: Row | undefined;
      for (const next of [claimed({ sending: true, beneath: forwarded() }), forwarded(), done()]) {
        await swapOne(standing, next);
        const to = { ...row, rev: randomUUID() };
        expect(await swapOne(next, to)).toEqual({ written: true });
        expect(await rowOf()).toStrictEqual(to);
        standing = to;
      }
    });
  });

  describe("swap", () => {
    test("writes where no row stands", async () => {
      const row = done();

      expect(await swapOne(undefined, row)).toEqual({ written: true });
      expect(await rowOf()).toEqual(row);
    });

    test("refuses to write where a row stands, and returns that row", async () => {
      const standing = claimed();
      await swapOne(undefined, standing);

      expect(await swapOne(undefined, done())).toEqual({ written: false, row: standing });
      expect(await rowOf()).toEqual(standing);
    });

    test("replaces the row it was given", async () => {
      const [first, second] = [claimed(), done()];
      await swapOne(undefined, first);

      expect(await swapOne(first, second)).toEqual({ written: true });
      expect(await rowOf()).toEqual(second);
    });

    test("refuses to replace a row that has changed since, and returns the one that stands", async () => {
      const [first, second] = [claimed(), claimed()];
      await swapOne(undefined, first);
      await swapOne(first, second);

      expect(await swapOne(first, done())).toEqual({ written: false, row: second });
      expect(await rowOf()).toEqual(second);
    });

    test("refuses to replace a row that is gone", async () => {
      expect(await swapOne(claimed(), done())).toEqual({ written: false, row: undefined });
      expect(await rowOf()).toBeUndefined();
    });

    test("removes the row it was given", async () => {
      const row = claimed();
      await swapOne(undefined, row);

      expect(await swapOne(row, undefined)).toEqual({ written: true });
      expect(await rowOf()).toBeUndefined();
    });

    test("refuses to remove a row that has changed since, and returns the one that stands", async () => {
      const [first, second] = [claimed(), claimed()];
      await swapOne(undefined, first);
      await swapOne(first, second);

      expect(await swapOne(first, undefined)).toEqual({ written: false, row: second });
      expect(await rowOf()).toEqual(second);
    });

    test("writes again where a row was removed", async () => {
      const [first, second] = [claimed(), done()];
      await swapOne(undefined, first);
      await swapOne(first, undefined);

      expect(await swapOne(undefined, second)).toEqual({ written: true });
      expect(await rowOf()).toEqual(second);
    });

    test("of nothing to nothing is written where nothing stands, else refused", async () => {
      expect(await swapOne(undefined, undefined)).toEqual({ written: true });
      const row = done();
      await swapOne(undefined, row);

      expect(await swapOne(undefined, undefined)).toEqual({ written: false, row });
      expect(await rowOf()).toEqual(row);
    });

    test("of no changes returns no verdicts", async () => {
      expect(await ledger.swap([])).toEqual([]);
    });

    test("refuses two changes of one key, and writes neither", async () => {
      const changes = [done(), done()].map((to) => ({ key, over: undefined, to }));

      await expect(ledger.swap(changes)).rejects.toThrow("two changes of one key");
      expect(await rowOf()).toBeUndefined();
    });

    test("gives each change of one call its own verdict, in order", async () => {
      const [standing, changed, removed, next] = [claimed(), claimed(), claimed(), done()];
      const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(idKey) as [Key, Key, Key, Key, Key];
      await ledger.swap([
        { key: a, over: undefined, to: standing },
        { key: b, over: undefined, to: changed },
        { key: c, over: undefined, to: removed },
      ]);

      expect(
        await ledger.swap([
          { key: a, over: undefined, to: done() },
          { key: d, over: undefined, to: next },
          { key: b, over: changed, to: next },
          { key: e, over: claimed(), to: done() },
          { key: c, over: removed, to: undefined },
        ]),
      ).toEqual([
        { written: false, row: standing },
        { written: true },
        { written: true },
        { written: false, row: undefined },
        { written: true },
      ]);
      expect(await ledger.look([a, b, c, d, e].map(asked))).toEqual([
        standing,
        next,
        undefined,
        next,
        undefined,
      ]);
    });
  });

  describe("a repeat of our own request counts as written:", () => {
    test("a first write", async () => {
      const row = claimed();
      await swapOne(undefined, row);

      expect(await swapOne(undefined, row)).toEqual({ written: true });
      expect(await rowOf()).toEqual(row);
    });

    test("a replacement", async () => {
      const [first, second] = [claimed(), done()];
      await swapOne(undefined, first);
      await swapOne(first, second);

      expect(await swapOne(first, second)).toEqual({ written: true });
    });

    test("a removal", async () => {
      const row = claimed();
      await swapOne(undefined, row);
      await swapOne(row, undefined);

      expect(await swapOne(row, undefined)).toEqual({ written: true });
    });
  });

  test("1,000 keys in one call are swapped, replaced and read", async () => {
    const keys = Array.from({ length: 1_000 }, (_, index) => idKey(`many-${index}`));
    const claims = keys.map(() => claimed());
    const first = keys.map((at, i) => ({ key: at, over: undefined, to: claims[i] }));
    expect(new Set(await written(ledger.swap(first)))).toEqual(new Set([true]));

    // Every tenth was taken over in between.
    const thieves = claims.map((row, i) => (i % 10 === 0 ? claimed() : row));
    const thefts = keys.map((at, i) => ({ key: at, over: claims[i], to: thieves[i] }));
    await ledger.swap(thefts.filter((_, i) => i % 10 === 0));

    const dones = keys.map(() => done());
    const completed = await ledger.swap(
      keys.map((at, i) => ({ key: at, over: claims[i], to: dones[i] })),
    );
    expect(completed).toEqual(
      keys.map((_, i) => (i % 10 === 0 ? { written: false, row: thieves[i] } : { written: true })),
    );
    expect(await ledger.look(keys.map(asked))).toEqual(
      keys.map((_, i) => (i % 10 === 0 ? thieves[i] : dones[i])),
    );
  });
}

async function written(verdicts: Promise<Verdict[]>): Promise<boolean[]> {
  return (await verdicts).map((verdict) => verdict.written);
}
