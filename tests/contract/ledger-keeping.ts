import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import type { Key, Ledger, Row } from "../../lib/ledger/ledger.ts";
import { asked, claimed, type CreateLedger, done, forwarded, idKey } from "./rows.ts";

/** Whose rows they are, how long they stand, and who wins them: part of `ledgerContract`. */
export function keepingContract(create: CreateLedger, age: (ms: number) => Promise<void>): void {
  // Ahead of any real clock: a store that expires rows by its own must not join in.
  let time: number;
  const now = () => time;
  const key = { tenant: "acme", source: "shop", id: "order-1" };
  let ledger: Ledger;

  // A new consumer for each test, since the store is shared and stays.
  beforeEach(() => {
    time = Date.UTC(2100, 0, 1);
    ledger = create({ consumer: `c-${randomUUID()}`, now });
  });

  const pass = async (ms: number) => {
    time += ms;
    await age(ms);
  };
  const rowOf = async (at: Key = key) => (await ledger.look([at].map(asked)))[0];
  const swapOne = async (over: Row | undefined, to: Row | undefined) =>
    (await ledger.swap([{ key, over, to }]))[0];

  describe("rows are scoped:", () => {
    test.for([
      [
        { tenant: "acme", source: "shop", id: "order-1" },
        { tenant: "umbrella", source: "shop", id: "order-1" },
      ],
      [
        { tenant: "a#b", source: "shop", id: "c" },
        { tenant: "a", source: "shop", id: "b#c" },
      ],
      [
        { tenant: "a%23b", source: "shop", id: "c" },
        { tenant: "a#b", source: "shop", id: "c" },
      ],
      [
        { tenant: "a%", source: "shop", id: "23c" },
        { tenant: "a", source: "shop", id: "%23c" },
      ],
      [
        { tenant: "", source: "shop", id: "a" },
        { tenant: "a", source: "shop", id: "" },
      ],
    ] as const)("$0 and $1 are two keys", async ([one, other]) => {
      const [row, otherRow] = [done(), done()];

      expect(
        await ledger.swap([
          { key: one, over: undefined, to: row },
          { key: other, over: undefined, to: otherRow },
        ]),
      ).toEqual([{ written: true }, { written: true }]);
      expect(await ledger.look([one, other].map(asked))).toEqual([row, otherRow]);
    });

    test("two consumers do not see each other's rows", async () => {
      const consumer = randomUUID();
      const [one, other] = [consumer, `${consumer}#a`].map((each) =>
        create({ consumer: each, now }),
      ) as [Ledger, Ledger];
      const at = { tenant: "a", source: "shop", id: "b" };
      await one.swap([
        { key: { tenant: "a#a", source: "shop", id: "b" }, over: undefined, to: done() },
      ]);
      await one.swap([{ key: at, over: undefined, to: done() }]);

      expect(await other.look([at].map(asked))).toEqual([undefined]);
    });

    test("two processes of one consumer share their rows", async () => {
      const consumer = randomUUID();
      const row = done();
      await create({ consumer, now }).swap([{ key, over: undefined, to: row }]);

      expect(await create({ consumer, now }).look([key].map(asked))).toEqual([row]);
    });
  });

  describe("a row is kept for 30 days after it was written:", () => {
    const DAY = 86_400_000;

    test("a second before, it stands", async () => {
      const row = done();
      await swapOne(undefined, row);
      await pass(30 * DAY - 1_000);

      expect(await rowOf()).toEqual(row);
      expect(await swapOne(undefined, done())).toEqual({ written: false, row });
    });

    test("then it is absent", async () => {
      await swapOne(undefined, done());
      await pass(30 * DAY);

      expect(await rowOf()).toBeUndefined();
      expect(await swapOne(claimed(), done())).toEqual({ written: false, row: undefined });
      expect(await swapOne(undefined, undefined)).toEqual({ written: true });
    });

    test("then a row may be written in its place, among others", async () => {
      const keys = Array.from({ length: 60 }, (_, index) => idKey(`aged-${index}`));
      const aged = keys.slice(0, 30).map((at) => ({ key: at, over: undefined, to: done() }));
      await ledger.swap(aged);
      await pass(31 * DAY);

      const rows = keys.map(() => claimed());
      const swapped = await ledger.swap(
        keys.map((at, i) => ({ key: at, over: undefined, to: rows[i] })),
      );

      expect(swapped).toEqual(keys.map(() => ({ written: true })));
      expect(await ledger.look(keys.map(asked))).toEqual(rows);
    });

    test("counted anew from each write", async () => {
      const [first, second] = [claimed(), done()];
      await swapOne(undefined, first);
      await pass(20 * DAY);
      await swapOne(first, second);
      await pass(20 * DAY);

      expect(await rowOf()).toEqual(second);
    });
  });

  describe("of 16 at the same time one wins, and the others are told its row", () => {
    const oneWinner = { winners: 1, standing: "the winner's", told: ["the winner's"] };

    /** Whose row stands afterwards, and whose the losers were told of. */
    async function race(over: Row | undefined) {
      const rows = Array.from({ length: 16 }, () => claimed());
      const verdicts = await Promise.all(rows.map((row) => swapOne(over, row)));

      const winners = rows.filter((_, index) => verdicts[index]?.written === true);
      const whose = (row: Row | undefined) =>
        row?.rev === winners[0]?.rev ? "the winner's" : "another's";
      const told = verdicts.flatMap((one) => (one?.written === false ? [whose(one.row)] : []));
      return {
        winners: winners.length,
        standing: whose(await rowOf()),
        told: [...new Set(told)],
      };
    }

    test("where no row stands", async () => {
      expect(await race(undefined)).toEqual(oneWinner);
    });

    test("over a row", async () => {
      const standing = forwarded();
      await swapOne(undefined, standing);

      expect(await race(standing)).toEqual(oneWinner);
    });

    test("over a row past its 30 days", async () => {
      await swapOne(undefined, forwarded());
      await pass(31 * 86_400_000);

      expect(await race(undefined)).toEqual(oneWinner);
    });
  });
}
