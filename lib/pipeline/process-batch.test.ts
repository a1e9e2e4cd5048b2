import { describe, expect, test } from "vitest";
import { noLedger } from "../ledger/no-ledger.ts";
import {
  asked,
  aborted,
  fails,
  message,
  setup,
  throws,
  untilCalled,
} from "../../tests/pipeline/setup.ts";
import { PermanentError } from "./errors.ts";

describe("a batch is rejected, so that nothing is acked,", () => {
  test("when the ledger cannot be read", async () => {
    const { run, calls } = setup({ wrap: (ledger) => ({ ...ledger, look: fails("ledger down") }) });

    await expect(run([message("a")])).rejects.toThrow("ledger down");
    expect(calls).toEqual([]);
  });

  test("when the ledger cannot be written after the effect", async () => {
    const { run, calls } = setup({
      wrap: (ledger) => ({ ...ledger, complete: fails("ledger down") }),
    });

    await expect(run([message("a")])).rejects.toThrow("ledger down");
    expect(calls).toEqual([["a"]]);
  });

  test("when a copy is not confirmed; what was confirmed is on record", async () => {
    let published = 0;
    const { run, ledger } = setup({
      apply: throws(new Error("reset")),
      publish: () => {
        if (++published === 2) throw new Error("broker down");
      },
    });

    await expect(run([message("a"), message("b")])).rejects.toThrow("broker down");
    expect(await ledger.look([asked("a")])).toMatchObject([{ state: "forwarded", attempt: 2 }]);
    expect(await ledger.look([asked("b")])).toEqual([undefined]);
  });

  test("when it is stopped, and the interrupted call says nothing about its messages", async () => {
    const world = setup({
      apply: () => {
        world.stop.abort(new Error("channel lost"));
        throw new PermanentError("cancelled");
      },
    });

    await expect(world.run([message("a")])).rejects.toThrow("interrupted");
    expect(world.copies).toEqual([]);
  });

  test("when it was stopped before; then nothing is sent or published any more", async () => {
    const world = setup();
    world.stop.abort(new Error("channel lost"));
    const unreadable = { ...message("x"), body: new Uint8Array([0xff]) };

    await expect(world.run([message("a", { attempt: 2 })])).rejects.toThrow("stopped");
    await expect(world.run([unreadable])).rejects.toThrow("stopped");
    expect([world.calls, world.copies]).toEqual([[], []]);
  });

  test("when it is stopped while a claim is written; the claim is given back, nothing is sent", async () => {
    const world = setup({
      repeatable: false,
      wrap: (ledger) => ({
        ...ledger,
        async swap(changes) {
          const verdicts = await ledger.swap(changes);
          world.stop.abort(new Error("channel lost"));
          return verdicts;
        },
      }),
    });

    await expect(world.run([message("a")])).rejects.toThrow("stopped");
    expect(world.calls).toEqual([]);
    expect(await world.ledger.look([asked("a")])).toEqual([undefined]);
  });

  test("when its sink does not answer in time", async () => {
    const { run, copies } = setup({ apply: (_ids, signal) => aborted(signal) });

    await expect(run([message("a")])).rejects.toThrow("interrupted");
    expect(copies).toEqual([]);
  });

  test("when the next message would not fit in the time that is left", async () => {
    const world = setup({ apply: async () => world.clock.advance(40_000) });

    await expect(
      world.run([
        message("a", { attempt: 2, deliveryCount: 1 }),
        message("b", { deliveryCount: 1 }),
      ]),
    ).rejects.toThrow("out of time");
    expect(world.calls).toEqual([["a"]]);
  });

  test("when it comes while another is being processed", async () => {
    const world = setup({ apply: () => void other.catch(() => {}) });
    const first = world.run([message("a")]);
    const other = world.run([message("b")]);

    await expect(other).rejects.toThrow("while it processes another");
    expect(await first).toEqual(["done"]);
  });
});

test("retries, dead-letters and repeats without a ledger", async () => {
  const { run, copies } = setup({ wrap: noLedger, apply: (ids) => (ids[0] === "bad" ? ids : []) });

  expect(await run([message("a"), message("bad", { attempt: 2 })])).toEqual(["done", "retry"]);
  expect(await run([message("a"), message("bad", { attempt: 3 })])).toEqual(["done", "dead"]);
  expect(copies).toEqual(["bad: attempt 3.1 in 30000", "bad: dead, out of attempts"]);
});

test("of two events under one id in the same moment one is done, the other dead as id reused", async () => {
  const world = setup({ apply: () => untilCalled(world.calls, 2) });

  const [here, there] = await Promise.all([
    world.run([message("a", { digest: "d" })]),
    world.run([message("a", { digest: "e" })], world.start("there")),
  ]);

  expect([here, there].flat().toSorted()).toEqual(["dead", "done"]);
  expect(world.copies).toEqual(["a: dead, id reused"]);
});
