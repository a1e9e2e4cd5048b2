import { describe, expect, test } from "vitest";
import {
  asked,
  died,
  message,
  setup,
  throws,
  untilCalled,
  aborted,
} from "../../tests/pipeline/setup.ts";
import { IdReusedError, OutageError, PermanentError, UncertainError } from "./errors.ts";

describe("a message alone", () => {
  test("is what failed before and what was delivered before; the group goes first", async () => {
    const { run, calls } = setup();
    await run([
      message("a", { attempt: 2 }),
      message("b", { deliveryCount: 1 }),
      message("c"),
      message("d"),
    ]);

    expect(calls).toEqual([["c", "d"], ["b"], ["a"]]);
  });

  test("is dead after its last attempt", async () => {
    const { run, copies } = setup({ apply: throws(new Error("reset")) });

    expect(await run([message("a", { attempt: 3 })])).toEqual(["dead"]);
    expect(copies).toEqual(["a: dead, out of attempts"]);
  });

  test("is dead without another try when its consumer crashed three times under it", async () => {
    const { run, start, calls, copies } = setup({ apply: (_ids, signal) => died(signal) });
    const deliver = (deliveryCount: number, process: string) =>
      run([message("a", { copy: 5, deliveryCount })], start(process));
    void deliver(1, "p1").catch(() => undefined);
    await untilCalled(calls, 1);
    void deliver(2, "p2").catch(() => undefined);
    await untilCalled(calls, 2);
    void deliver(3, "p3").catch(() => undefined);
    await untilCalled(calls, 3);

    expect(await deliver(4, "p4")).toEqual(["dead"]);
    expect(calls).toHaveLength(3);
    expect(copies).toEqual(["a: dead, crashes its consumer"]);
  });

  test("waits while another process holds its claim", async () => {
    const { run, start, calls, copies } = setup({ apply: (_ids, signal) => died(signal) });
    void run([message("a", { copy: 5, deliveryCount: 1 })], start("p1")).catch(() => undefined);
    await untilCalled(calls, 1);

    expect(await run([message("a", { copy: 6 })], start("p2"))).toEqual(["defer"]);
    expect(copies).toEqual(["a: attempt 1.1 in 90000, suspect"]);
  });

  test("is replayed as a new generation, unless it is done", async () => {
    let mended = false;
    const { run, calls } = setup({
      apply: () => {
        if (!mended) throw new PermanentError("refused");
      },
    });
    await run([message("a")]);
    mended = true;

    expect(await run([message("a", { generation: 2 })])).toEqual(["done"]);
    expect(await run([message("a", { generation: 3 })])).toEqual(["duplicate"]);
    expect(calls).toEqual([["a"], ["a"], ["a"]]);
  });

  test("whose proof names another event is dead and leaves the row to that event", async () => {
    const { run, ledger } = setup({ apply: throws(new IdReusedError("proof of another event")) });

    expect(await run([message("a")])).toEqual(["dead"]);
    expect(await ledger.look([asked("a")])).toEqual([undefined]);
  });
});

describe("a consumer that is not repeatable", () => {
  test("gets every message alone, marked before it is sent", async () => {
    const marks: unknown[] = [];
    const world = setup({
      repeatable: false,
      apply: async ([id = ""]) => {
        const [row] = await world.ledger.look([asked(id)]);
        marks.push(row?.state === "claimed" && row.sending);
      },
    });

    expect(await world.run([message("a"), message("b")])).toEqual(["done", "done"]);
    expect(marks).toEqual([true, true]);
  });

  test("gets ready under a claim that is not marked yet", async () => {
    const { run, start, calls, copies, clock } = setup({
      repeatable: false,
      whenUncertain: "dead-letter",
      beforeSend: (signal) => (calls.length === 0 ? died(signal) : Promise.resolve("send")),
    });
    void run([message("a")], start("p1")).catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    calls.push(["-"]);
    clock.advance(90_000);

    expect(await run([message("a", { deliveryCount: 1 })], start("p2"))).toEqual(["done"]);
    expect(calls).toEqual([["-"], ["a"]]);
    expect(copies).toEqual([]);
  });

  test("is done, unmarked, when there is nothing to send", async () => {
    const { run, calls, ledger } = setup({
      repeatable: false,
      beforeSend: async () => "nothing to send",
    });

    expect(await run([message("a")])).toEqual(["done"]);
    expect(calls).toEqual([]);
    expect(await ledger.look([asked("a")])).toMatchObject([{ state: "done" }]);
  });

  test("is retried when it fails before the send, whatever the error", async () => {
    const { run, calls, copies } = setup({
      repeatable: false,
      whenUncertain: "dead-letter",
      beforeSend: () => Promise.reject(new TypeError("nobody knows this one")),
    });

    expect(await run([message("a")])).toEqual(["retry"]);
    expect(calls).toEqual([]);
    expect(copies).toEqual(["a: attempt 2.1 in 5000"]);
  });

  test("gives a claim back that was interrupted before anything was sent", async () => {
    const { run, ledger } = setup({
      repeatable: false,
      apply: (_ids, signal) =>
        aborted(signal).catch(() => {
          throw new OutageError("the time was over before it was sent");
        }),
    });

    await expect(run([message("a")])).rejects.toThrow("interrupted");
    expect(await ledger.look([asked("a")])).toEqual([undefined]);
  });

  test("sends to the end what is stopped in mid-send, and records it", async () => {
    const world = setup({
      repeatable: false,
      apply: (_ids, signal) => {
        world.stop.abort(new Error("channel lost"));
        signal.throwIfAborted();
      },
    });

    await expect(world.run([message("a")])).rejects.toThrow("stopped");
    expect(await world.ledger.look([asked("a")])).toMatchObject([{ state: "done" }]);
  });

  test("records a send as soon as the ledger answers again", async () => {
    let failures = 0;
    const { run, ledger } = setup({
      repeatable: false,
      wrap: (plain) => ({
        ...plain,
        async swap(changes) {
          const verdicts = await plain.swap(changes);
          // The write takes effect, but nobody hears of it.
          if (changes[0]?.to?.state === "done" && ++failures < 5) throw new Error("no answer");
          return verdicts;
        },
      }),
    });

    expect(await run([message("a")])).toEqual(["done"]);
    expect(await ledger.look([asked("a")])).toMatchObject([{ state: "done" }]);
  });

  test("gives a claim back that was stopped between its mark and the send", async () => {
    const world = setup({
      repeatable: false,
      wrap: (ledger) => ({
        ...ledger,
        async swap(changes) {
          const verdicts = await ledger.swap(changes);
          const isMarked = changes.some(({ to }) => to?.state === "claimed" && to.sending);
          if (isMarked) world.stop.abort();
          return verdicts;
        },
      }),
    });

    await expect(world.run([message("a")])).rejects.toThrow("stopped");
    expect(world.calls).toEqual([]);
    expect(await world.ledger.look([asked("a")])).toEqual([undefined]);
  });

  test("begins no send for which getting ready has left too little time", async () => {
    const { run, calls, clock, ledger } = setup({
      repeatable: false,
      beforeSend: async () => {
        if (calls.length === 1) clock.advance(15_000);
        return "send";
      },
      apply: () => clock.advance(20_000),
    });
    const again = { deliveryCount: 1 };

    await expect(run([message("a", again), message("b", again)])).rejects.toThrow("out of time");
    expect(calls).toEqual([["a"]]);
    expect(await ledger.look([asked("b")])).toEqual([undefined]);
  });

  test("may wait for its turn for longer than is left for the send", async () => {
    const { run, clock } = setup({
      repeatable: false,
      beforeSend: async () => {
        clock.advance(40_000);
        return "send";
      },
      apply: () => clock.advance(5_000),
    });
    expect(await run([message("a")])).toEqual(["done"]);
  });

  test("reports an uncertain send before it is sent again", async () => {
    const { run, reports, copies } = setup({
      repeatable: false,
      apply: throws(new UncertainError("no answer")),
    });

    expect(await run([message("a")])).toEqual(["uncertain"]);
    expect(reports).toEqual(["a: uncertain"]);
    expect(copies).toEqual(["a: attempt 2.1 in 5000"]);
  });

  test("does not send again what a dead process may have sent", async () => {
    const { run, start, calls, copies, clock } = setup({
      repeatable: false,
      whenUncertain: "dead-letter",
      apply: (_ids, signal) => died(signal),
    });
    void run([message("a")], start("p1")).catch(() => undefined);
    await untilCalled(calls, 1);
    clock.advance(90_000);

    expect(await run([message("a", { deliveryCount: 1 })], start("p2"))).toEqual(["uncertain"]);
    expect(calls).toHaveLength(1);
    expect(copies).toEqual(["a: dead, send uncertain"]);
  });
});
