import { describe, expect, test } from "vitest";
import { asked, died, message, setup, throws, untilCalled } from "../../tests/pipeline/setup.ts";
import type { Claimed, Ledger, Row } from "../ledger/ledger.ts";
import { OutageError, PermanentError } from "./errors.ts";

/** Delivered before, so that it may have ended its process. */
const suspect = (id: string) => message(id, { copy: copyOf(id), deliveryCount: 1 });
const copyOf = (id: string) => id.codePointAt(0)!;

async function rowsOf(ledger: Ledger, ids: readonly string[]): Promise<(Row | undefined)[]> {
  return ledger.look(ids.map(asked));
}

describe("suspects travel in a small group", () => {
  test("that is claimed in one write, applied in one call and completed", async () => {
    const writes: string[][] = [];
    const during: unknown[] = [];
    const world = setup({
      wrap: (plain) => ({
        ...plain,
        async swap(changes) {
          writes.push(changes.map(({ key, to }) => `${key.id} ${to?.state}`));
          return plain.swap(changes);
        },
      }),
      apply: async (ids) => {
        for (const row of await rowsOf(world.ledger, ids)) during.push((row as Claimed).shared);
      },
    });

    expect(await world.run(["a", "b", "c"].map(suspect))).toEqual(["done", "done", "done"]);
    expect(world.calls).toEqual([["a", "b", "c"]]);
    expect(writes).toEqual([["a claimed", "b claimed", "c claimed"]]);
    expect(during).toEqual([true, true, true]);
    expect(await rowsOf(world.ledger, ["a", "c"])).toMatchObject([
      { state: "done" },
      { state: "done" },
    ]);
  });

  test("also when a copy says that it may have ended its process", async () => {
    const { run, calls } = setup();
    await run([message("a", { suspect: true }), message("b"), message("c", { suspect: true })]);

    expect(calls).toEqual([["b"], ["a", "c"]]);
  });

  test("of at most 32, the next of which is claimed once the first is settled", async () => {
    const ids = Array.from({ length: 34 }, (_, index) => String.fromCodePoint(0x100 + index));
    const last = ids.slice(32);
    const atFirst: unknown[] = [];
    const world = setup({
      apply: async () => {
        const isFirst = world.calls.length === 1;
        const looked = isFirst ? last : ids.slice(0, 1);
        atFirst.push(...(await rowsOf(world.ledger, looked)).map((row) => row?.state));
      },
    });
    await world.run(ids.map(suspect));

    expect(world.calls.map((call) => call.length)).toEqual([32, 2]);
    expect(atFirst).toEqual([undefined, undefined, "done"]);
  });

  test("but one suspect is no group: its claim accuses it", async () => {
    const claims: unknown[] = [];
    const world = setup({
      apply: async (ids) => void claims.push(...(await rowsOf(world.ledger, ids))),
    });
    await world.run([suspect("a"), message("b")]);

    expect(world.calls).toEqual([["b"], ["a"]]);
    expect(claims).toMatchObject([undefined, { state: "claimed", shared: false }]);
  });

  test("whose death accuses nobody: each is then tried alone, without a crash", async () => {
    const claims: unknown[] = [];
    const world = setup({
      apply: async (ids, signal) => {
        if (ids.length > 1) await died(signal);
        claims.push(...(await rowsOf(world.ledger, ids)));
      },
    });
    const ids = ["a", "b", "c"];
    void world.run(ids.map(suspect), world.start("p1")).catch(() => undefined);
    await untilCalled(world.calls, 1);
    const back = ids.map((id) => message(id, { copy: copyOf(id), deliveryCount: 2 }));

    expect(await world.run(back, world.start("p2"))).toEqual(["done", "done", "done"]);
    expect(world.calls).toEqual([ids, ["a"], ["b"], ["c"]]);
    expect(claims).toMatchObject(ids.map(() => ({ shared: false, crashes: [] })));
  });
});

describe("a group of suspects", () => {
  test("is halved under its claims when it is refused; the culprit is dead under its own", async () => {
    const { run, calls, copies, ledger } = setup({
      apply: (ids) => {
        if (ids.includes("x")) throw new PermanentError("constraint");
      },
    });

    expect(await run(["a", "b", "x"].map(suspect))).toEqual(["done", "done", "dead"]);
    expect(calls).toEqual([["a", "b", "x"], ["a", "b"], ["x"]]);
    expect(copies).toEqual(["x: dead, refused"]);
    expect(await rowsOf(ledger, ["a", "x"])).toMatchObject([
      { state: "done" },
      { state: "forwarded", attempt: "dead" },
    ]);
  });

  test("sends each of its messages to retry, each under its claim, after an unknown error", async () => {
    const { run, copies, ledger } = setup({ apply: throws(new Error("reset")) });

    expect(await run(["a", "b"].map(suspect))).toEqual(["retry", "retry"]);
    expect(copies).toEqual(["a: attempt 2.1 in 5000", "b: attempt 2.1 in 5000"]);
    expect(await rowsOf(ledger, ["a", "b"])).toMatchObject([
      { state: "forwarded", attempt: 2 },
      { state: "forwarded", attempt: 2 },
    ]);
  });

  test("tries what its sink refuses among others once more by itself, under its claim", async () => {
    const { run, calls, copies } = setup({
      failure: new PermanentError("constraint"),
      apply: (ids) => ids.filter((id) => id === "y" || (id === "x" && ids.length > 1)),
    });

    expect(await run(["a", "x", "y"].map(suspect))).toEqual(["done", "done", "dead"]);
    expect(calls).toEqual([["a", "x", "y"], ["y"], ["x"]]);
    expect(copies).toEqual(["y: dead, refused"]);
  });

  test("holds no claim while its sink is down, and claims anew", async () => {
    const held: unknown[] = [];
    const world = setup({
      apply: () => {
        if (held.length === 0) throw new OutageError("down");
      },
      probe: async () => void held.push(...(await rowsOf(world.ledger, ["a", "b"]))),
    });

    expect(await world.run(["a", "b"].map(suspect))).toEqual(["done", "done"]);
    expect(world.calls).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(held.every((row) => row === undefined)).toBe(true);
    expect(world.copies).toEqual([]);
  });

  test.each([
    ["together", ["a", "b", "c"].map(suspect), [["b", "c"]]],
    ["alone", [message("a", { attempt: 2 })], []],
  ])(
    "looks anew after it has waited %s: a done set has what no row says",
    async (_how, batch, afterwards) => {
      let isDown = true;
      const world = setup({
        wrap: (plain) => ({
          ...plain,
          async look(events) {
            const rows = await plain.look(events);
            const done: Row = { state: "done", rev: "set", digest: "d" };
            return rows.map((row, index) =>
              !isDown && events[index]?.key.id === "a" ? done : row,
            );
          },
        }),
        apply: () => {
          if (isDown) throw new OutageError("down");
        },
        probe: () => void (isDown = false),
      });

      expect((await world.run(batch))[0]).toBe("duplicate");
      expect(world.calls.slice(1)).toEqual(afterwards);
    },
  );

  test("that an outage strikes while its sink is healthy is tried message by message", async () => {
    const { run, calls, copies } = setup({
      apply: (ids) => {
        if (ids.includes("x")) throw new OutageError("so it says");
      },
    });

    expect(await run(["a", "x"].map(suspect))).toEqual(["done", "retry"]);
    expect(calls).toContainEqual(["a"]);
    expect(copies).toEqual(["x: attempt 2.1 in 5000"]);
  });

  test("waits for nobody: a member whose claim is refused leaves it", async () => {
    const { run, calls, copies } = setup({ wrap: (plain) => claimedMeanwhile(plain, "b") });

    expect(await run(["a", "b", "c"].map(suspect))).toEqual(["done", "defer", "done"]);
    expect(calls).toEqual([["a", "c"]]);
    expect(copies).toEqual(["b: attempt 1.1 in 90000, suspect"]);
  });

  test("gives every claim back when its batch is thrown back, also the other half's", async () => {
    const world = setup({
      apply: (ids) => {
        if (ids.length === 2) throw new PermanentError("one of them");
        world.stop.abort();
      },
    });

    await expect(world.run(["a", "b"].map(suspect))).rejects.toThrow("stopped");
    expect(world.calls).toEqual([["a", "b"], ["a"]]);
    expect(await rowsOf(world.ledger, ["a", "b"])).toMatchObject([{ state: "done" }, undefined]);
  });

  test("gives back claims whose reply was lost", async () => {
    const world = setup({
      wrap: (plain) => ({
        ...plain,
        async swap(changes) {
          const verdicts = await plain.swap(changes);
          if (changes[0]?.to?.state === "claimed") throw new Error("no answer");
          return verdicts;
        },
      }),
    });

    await expect(world.run(["a", "b"].map(suspect))).rejects.toThrow("no answer");
    expect(await rowsOf(world.ledger, ["a", "b"])).toEqual([undefined, undefined]);
  });
});

describe("messages that were never delivered before", () => {
  test.each([true, false])(
    "accuse nobody while they are applied side by side (repeatable: %s)",
    async (repeatable) => {
      const claims: unknown[] = [];
      const world = setup({
        repeatable,
        apply: async (ids) => void claims.push(...(await rowsOf(world.ledger, ids))),
      });
      await world.run([
        message("a", { attempt: 2 }),
        message("b", { attempt: 2 }),
        message("c", { attempt: 2, deliveryCount: 1 }),
      ]);

      expect(world.calls[0]).toEqual(["c"]);
      expect(claims).toMatchObject([{ shared: false }, { shared: true }, { shared: true }]);
    },
  );

  test("are suspects once their time has come, if they were before", async () => {
    const { run, copies, clock } = setup();
    const notBefore = clock.now() + 8_000;
    const outcomes = await run([
      message("a", { attempt: 2, notBefore, deliveryCount: 1 }),
      message("b", { attempt: 2, notBefore, suspect: true }),
      message("c", { attempt: 2, notBefore }),
    ]);

    expect(outcomes).toEqual(["defer", "defer", "defer"]);
    expect(copies).toEqual([
      "a: attempt 2.1 in 8000 not before 8000, suspect",
      "b: attempt 2.1 in 8000 not before 8000, suspect",
      "c: attempt 2.1 in 8000 not before 8000",
    ]);
  });

  test("are no suspects after an attempt that failed: their process has survived it", async () => {
    const { run, copies } = setup({ apply: throws(new Error("reset")) });
    await run([suspect("a")]);

    expect(copies).toEqual(["a: attempt 2.1 in 5000"]);
  });
});

/** Another process claims one of several messages just before they are claimed. */
function claimedMeanwhile(plain: Ledger, id: string): Ledger {
  let isDone = false;
  return {
    ...plain,
    async swap(changes) {
      const theirs = changes.find(({ key }) => key.id === id);
      if (!isDone && changes.length > 1 && theirs?.to?.state === "claimed") {
        isDone = true;
        await plain.swap([{ ...theirs, to: { ...theirs.to, rev: "theirs", token: "there:1" } }]);
      }
      return plain.swap(changes);
    },
  };
}
