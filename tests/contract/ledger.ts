import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import type {
  Claimed,
  Done,
  Forwarded,
  Key,
  Ledger,
  Row,
  Verdict,
} from "../../lib/ledger/ledger.ts";

/** Opens the ledger of one consumer; all that one suite opens share their rows' store. */
export type CreateLedger = (options: { consumer: string; now: () => number }) => Ledger;

/** What every ledger promises (lib/ledger/ledger.ts), as one suite for all implementations. */
export function ledgerContract(name: string, create: CreateLedger): void {
  describe(`${name} keeps the ledger's promises:`, () => {
    // Ahead of any real clock: a store that expires rows by its own must not join in.
    let time: number;
    const now = () => time;
    let ledger: Ledger;
    let key: Key;

    // New names for each test, since the store is shared and stays.
    beforeEach(() => {
      time = Date.UTC(2100, 0, 1);
      ledger = create({ consumer: `c-${randomUUID()}`, now });
      key = { tenant: "acme", id: "order-1" };
    });

    const rowOf = async (at: Key = key) => (await ledger.look([at]))[0];
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

        expect(await ledger.look([b, idKey("absent"), a])).toEqual([second, undefined, first]);
      });

      test("returns a row twice if it is asked for twice", async () => {
        const row = done();
        await swapOne(undefined, row);

        expect(await ledger.look([key, idKey("absent"), key])).toEqual([row, undefined, row]);
      });

      test("of no keys returns no rows", async () => {
        expect(await ledger.look([])).toEqual([]);
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
        for (const next of [
          claimed({ sending: true, beneath: forwarded() }),
          forwarded(),
          done(),
        ]) {
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
        expect(await ledger.look([a, b, c, d, e])).toEqual([
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
        keys.map((_, i) =>
          i % 10 === 0 ? { written: false, row: thieves[i] } : { written: true },
        ),
      );
      expect(await ledger.look(keys)).toEqual(
        keys.map((_, i) => (i % 10 === 0 ? thieves[i] : dones[i])),
      );
    });

    describe("rows are scoped:", () => {
      test.for([
        [
          { tenant: "acme", id: "order-1" },
          { tenant: "umbrella", id: "order-1" },
        ],
        [
          { tenant: "a#b", id: "c" },
          { tenant: "a", id: "b#c" },
        ],
        [
          { tenant: "a%23b", id: "c" },
          { tenant: "a#b", id: "c" },
        ],
        [
          { tenant: "a%", id: "23c" },
          { tenant: "a", id: "%23c" },
        ],
        [
          { tenant: "", id: "a" },
          { tenant: "a", id: "" },
        ],
      ] as const)("$0 and $1 are two keys", async ([one, other]) => {
        const [row, otherRow] = [done(), done()];

        expect(
          await ledger.swap([
            { key: one, over: undefined, to: row },
            { key: other, over: undefined, to: otherRow },
          ]),
        ).toEqual([{ written: true }, { written: true }]);
        expect(await ledger.look([one, other])).toEqual([row, otherRow]);
      });

      test("two consumers do not see each other's rows", async () => {
        const consumer = randomUUID();
        const [one, other] = [consumer, `${consumer}#a`].map((each) =>
          create({ consumer: each, now }),
        ) as [Ledger, Ledger];
        const at = { tenant: "a", id: "b" };
        await one.swap([{ key: { tenant: "a#a", id: "b" }, over: undefined, to: done() }]);
        await one.swap([{ key: at, over: undefined, to: done() }]);

        expect(await other.look([at])).toEqual([undefined]);
      });

      test("two processes of one consumer share their rows", async () => {
        const consumer = randomUUID();
        const row = done();
        await create({ consumer, now }).swap([{ key, over: undefined, to: row }]);

        expect(await create({ consumer, now }).look([key])).toEqual([row]);
      });
    });

    describe("a row is kept for 30 days after it was written:", () => {
      const DAY = 86_400_000;

      test("a second before, it stands", async () => {
        const row = done();
        await swapOne(undefined, row);
        time += 30 * DAY - 1_000;

        expect(await rowOf()).toEqual(row);
        expect(await swapOne(undefined, done())).toEqual({ written: false, row });
      });

      test("then it is absent", async () => {
        await swapOne(undefined, done());
        time += 30 * DAY;

        expect(await rowOf()).toBeUndefined();
        expect(await swapOne(claimed(), done())).toEqual({ written: false, row: undefined });
        expect(await swapOne(undefined, undefined)).toEqual({ written: true });
      });

      test("then a row may be written in its place, among others", async () => {
        const keys = Array.from({ length: 60 }, (_, index) => idKey(`aged-${index}`));
        const aged = keys.slice(0, 30).map((at) => ({ key: at, over: undefined, to: done() }));
        await ledger.swap(aged);
        time += 31 * DAY;

        const rows = keys.map(() => claimed());
        const swapped = await ledger.swap(
          keys.map((at, i) => ({ key: at, over: undefined, to: rows[i] })),
        );

        expect(swapped).toEqual(keys.map(() => ({ written: true })));
        expect(await ledger.look(keys)).toEqual(rows);
      });

      test("counted anew from each write", async () => {
        const [first, second] = [claimed(), done()];
        await swapOne(undefined, first);
        time += 20 * DAY;
        await swapOne(first, second);
        time += 20 * DAY;

        expect(await rowOf()).toEqual(second);
      });
    });

    describe("of 16 at the same time, exactly one wins", () => {
      async function race(over: Row | undefined): Promise<void> {
        const rows = Array.from({ length: 16 }, () => claimed());
        const verdicts = (await Promise.all(rows.map((row) => swapOne(over, row)))) as Verdict[];

        const winners = rows.filter((_, index) => verdicts[index]?.written === true);
        expect(winners).toHaveLength(1);
        expect(await rowOf()).toEqual(winners[0]);
        const losers = verdicts.filter((verdict) => !verdict.written);
        expect(losers).toEqual(losers.map(() => ({ written: false, row: winners[0] })));
      }

      test("where no row stands", async () => {
        await race(undefined);
      });

      test("over a row", async () => {
        const standing = forwarded();
        await swapOne(undefined, standing);

        await race(standing);
      });

      test("over a row past its 30 days", async () => {
        await swapOne(undefined, forwarded());
        time += 31 * 86_400_000;

        await race(undefined);
      });
    });
  });
}

function idKey(id: string): Key {
  return { tenant: "acme", id };
}

async function written(verdicts: Promise<Verdict[]>): Promise<boolean[]> {
  return (await verdicts).map((verdict) => verdict.written);
}

const DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

function done(): Done {
  return { state: "done", rev: randomUUID(), digest: DIGEST };
}

function forwarded(changes: Partial<Forwarded> = {}): Forwarded {
  const row = { rev: randomUUID(), digest: DIGEST, attempt: 2, generation: 1 };
  return { state: "forwarded", ...row, ...changes };
}

function claimed(changes: Partial<Claimed> = {}): Claimed {
  return {
    state: "claimed",
    rev: randomUUID(),
    digest: DIGEST,
    token: `process:${randomUUID()}`,
    until: Date.UTC(2100, 0, 1) + 60_000,
    attempt: 1,
    generation: 1,
    copy: 123_456_789,
    deliveryCount: 0,
    crashes: [],
    sending: false,
    beneath: undefined,
    ...changes,
  };
}
