import { describe, expect, test } from "vitest";
import { memoryLedger } from "../../tests/contract/memory-ledger.ts";
import type { Received } from "../envelope.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { noLedger } from "../ledger/no-ledger.ts";
import type { Consumer, Failure } from "./consumer.ts";
import type { Delivery } from "./delivery.ts";
import {
  IdReusedError,
  OutageError,
  PermanentError,
  RetryLaterError,
  UncertainError,
} from "./errors.ts";
import { batchProcessor } from "./process-batch.ts";

const START = 1_000_000;

type Options = {
  /** Called with the ids of each apply; throws or returns what the sink says. */
  apply?: (ids: string[], signal: AbortSignal) => void | readonly string[] | Promise<void>;
  probe?: () => void;
  repeatable?: boolean;
  whenUncertain?: "resend" | "dead-letter";
  wrap?: (ledger: Ledger) => Ledger;
  publish?: () => void;
};

/** A consumer whose calls are noted, and a clock that moves on only when everything waits for it. */
function setup(options: Options = {}) {
  const clock = fakeClock();
  const calls: string[][] = [];
  const copies: string[] = [];
  const reports: string[] = [];
  const ledger = (options.wrap ?? ((plain) => plain))(memoryLedger({ now: clock.now }));
  let serial = 0;

  const consumer: Consumer = {
    name: "test",
    repeatable: options.repeatable ?? true,
    concurrency: 4,
    whenUncertain: options.whenUncertain ?? "resend",
    parse(body) {
      const [tenant_id, id, digest] = new TextDecoder("utf-8", { fatal: true })
        .decode(body)
        .split("/");
      if (id === undefined) throw new Error("no id");
      return { event: { id, tenant_id }, digest } as Received;
    },
    async apply(events, signal) {
      const ids = events.map(({ event }) => event.id);
      calls.push(ids);
      const failed = (await options.apply?.(ids, signal)) ?? [];
      return events
        .filter(({ event }) => failed.includes(event.id))
        .map((received): Failure => ({ received, error: new Error("not this one") }));
    },
    probe: async () => options.probe?.(),
  };

  const start = (process: string) =>
    batchProcessor(consumer, {
      ledger,
      forward: {
        retry: async ({ body }, { attempt, generation, delayMs, notBefore }) => {
          options.publish?.();
          const until = notBefore === undefined ? "" : ` not before ${notBefore - START}`;
          copies.push(`${idOf(body)}: attempt ${attempt}.${generation} in ${delayMs}${until}`);
        },
        deadLetter: async ({ body }, { reason }) => {
          options.publish?.();
          copies.push(`${idOf(body)}: dead, ${reason}`);
        },
      },
      retryDelays: [5_000, 30_000],
      leaseMs: 90_000,
      process,
      report: ({ event, outcome }) => reports.push(`${event?.id}: ${outcome.kind}`),
      now: clock.now,
      random: () => 0,
      nonce: () => `n${++serial}`,
      sleep: clock.sleep,
    });

  const process = start("here");
  const stop = new AbortController();
  const run = async (deliveries: Delivery[], on = process) => {
    const end = clock.now() + 60_000;
    const limits = { signal: stop.signal, remainingMs: () => end - clock.now() };
    const settled = await clock.drive(on(deliveries, limits));
    return settled.map(({ outcome }) => outcome.kind);
  };
  return { run, start, stop, calls, copies, reports, ledger, clock };
}

const text = (body: Uint8Array) => new TextDecoder().decode(body);
const idOf = (body: Uint8Array) => text(body).split("/")[1] ?? "?";

function message(
  id: string,
  changes: Partial<Delivery> & { digest?: string; tenant?: string } = {},
): Delivery {
  const { digest = "d", tenant = "t", ...rest } = changes;
  return {
    body: new TextEncoder().encode(`${tenant}/${id}/${digest}`),
    attempt: 1,
    generation: 1,
    copy: undefined,
    notBefore: undefined,
    deliveryCount: 0,
    firstFailedAt: undefined,
    ...rest,
  };
}

describe("a group", () => {
  test("is applied in one call and completed", async () => {
    const { run, calls, copies } = setup();

    expect(await run([message("a"), message("b")])).toEqual(["done", "done"]);
    expect(calls).toEqual([["a", "b"]]);
    expect(copies).toEqual([]);
  });

  test("leaves out what was done before, also by another process", async () => {
    const { run, start, calls } = setup();
    await run([message("a")]);

    expect(await run([message("a"), message("b")], start("there"))).toEqual(["duplicate", "done"]);
    expect(calls).toEqual([["a"], ["b"]]);
  });

  test("settles an empty batch", async () => {
    expect(await setup().run([])).toEqual([]);
  });

  test("applies two copies of an event once", async () => {
    const { run, calls } = setup();

    expect(await run([message("a"), message("a")])).toEqual(["done", "duplicate"]);
    expect(calls).toEqual([["a"]]);
  });

  test("keeps the same id of two tenants apart", async () => {
    const { run, calls } = setup();

    expect(await run([message("a"), message("a", { tenant: "u" })])).toEqual(["done", "done"]);
    expect(calls).toEqual([["a", "a"]]);
  });

  test("defers a second event under one id, and kills it once the first is done", async () => {
    const { run, copies } = setup();

    expect(await run([message("a"), message("a", { digest: "x" })])).toEqual(["done", "defer"]);
    expect(await run([message("a", { digest: "x" })])).toEqual(["dead"]);
    expect(await run([message("a")])).toEqual(["duplicate"]);
    expect(copies).toEqual(["a: attempt 1.1 in 5000", "a: dead, id reused"]);
  });

  test("sends what cannot be read to the dead letters, and the rest on", async () => {
    const { run, copies } = setup();
    const unreadable = { ...message("a"), body: new Uint8Array([0xff]) };

    expect(await run([unreadable, message("b")])).toEqual(["dead", "done"]);
    expect(copies).toEqual(["?: dead, unreadable event"]);
  });

  test("spends an attempt of each message when it fails for an unknown reason", async () => {
    const { run, copies } = setup({ apply: throws(new Error("reset")) });

    expect(await run([message("a"), message("b")])).toEqual(["retry", "retry"]);
    expect(copies).toEqual(["a: attempt 2.1 in 5000", "b: attempt 2.1 in 5000"]);
  });

  test("retries only the messages that its sink names", async () => {
    const { run, copies } = setup({ apply: () => ["b"] });

    expect(await run([message("a"), message("b"), message("c")])).toEqual([
      "done",
      "retry",
      "done",
    ]);
    expect(copies).toEqual(["b: attempt 2.1 in 5000"]);
  });

  test("comes back when its sink said, in a tier that is long enough", async () => {
    const { run, copies } = setup({ apply: throws(new RetryLaterError("429", START + 12_000)) });

    expect(await run([message("a")])).toEqual(["retry"]);
    expect(copies).toEqual(["a: attempt 2.1 in 12000 not before 12000"]);
  });

  test("is halved when refused, until the culprit is alone and dead", async () => {
    const { run, calls, copies } = setup({
      apply: (ids) => {
        if (ids.includes("bad")) throw new PermanentError("constraint");
      },
    });
    const ids = ["a", "b", "bad", "c", "d"];

    expect(await run(ids.map((id) => message(id)))).toEqual([
      "done",
      "done",
      "dead",
      "done",
      "done",
    ]);
    expect(calls).toEqual([
      ["a", "b", "bad", "c", "d"],
      ["a", "b", "bad"],
      ["a", "b"],
      ["bad"],
      ["c", "d"],
      ["bad"],
    ]);
    expect(copies).toEqual(["bad: dead, refused"]);
  });

  test("does not multiply a forwarded message whose original is delivered again", async () => {
    const { run, copies } = setup({ apply: throws(new Error("reset")) });
    await run([message("a")]);

    expect(await run([message("a", { deliveryCount: 1 })])).toEqual(["superseded"]);
    expect(copies).toEqual(["a: attempt 2.1 in 5000"]);
  });

  test("is not taken for applied when nothing is thrown as an error", async () => {
    const { run, copies } = setup({ apply: () => Promise.reject<void>(undefined) });

    expect(await run([message("a"), message("b", { attempt: 3 })])).toEqual(["retry", "dead"]);
    expect(copies).toEqual(["a: attempt 2.1 in 5000", "b: dead, out of attempts"]);
  });

  test("is refused a failure of an event that it was not given", async () => {
    const { run } = setup();
    const stranger = { event: { id: "z" }, digest: "d" } as Received;
    const odd = batchOf({ apply: async () => [{ received: stranger, error: new Error("?") }] });

    expect(await odd([message("a")])).toEqual(["retry"]);
    expect(await run([message("a")])).toEqual(["done"]);
  });
});

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
    expect(copies).toEqual(["a: attempt 1.1 in 90000"]);
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
    expect(await ledger.look([{ tenant: "t", id: "a" }])).toEqual([undefined]);
  });
});

describe("a consumer that is not repeatable", () => {
  test("gets every message alone, marked before it is sent", async () => {
    const marks: unknown[] = [];
    const world = setup({
      repeatable: false,
      apply: async ([id = ""]) => {
        const [row] = await world.ledger.look([{ tenant: "t", id }]);
        marks.push(row?.state === "claimed" && row.sending);
      },
    });

    expect(await world.run([message("a"), message("b")])).toEqual(["done", "done"]);
    expect(marks).toEqual([true, true]);
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

describe("an outage", () => {
  test("is waited for, and spends no attempt", async () => {
    let probes = 0;
    const { run, calls, copies } = setup({
      apply: () => {
        if (probes < 5) throw new OutageError("down");
      },
      probe: () => {
        if (++probes < 5) throw new OutageError("down");
      },
    });

    expect(await run([message("a"), message("b")])).toEqual(["done", "done"]);
    expect(calls).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(copies).toEqual([]);
  });

  test("that outlasts the invocation hands the batch back untouched, and no claim stays", async () => {
    const down = throws(new OutageError("down"));
    const { run, copies, ledger } = setup({ apply: down, probe: () => down([]) });

    await expect(run([message("a", { attempt: 2 })])).rejects.toThrow("out of time");
    expect(copies).toEqual([]);
    expect(await ledger.look([{ tenant: "t", id: "a" }])).toEqual([undefined]);
  });

  test("that comes back while the sink is healthy is blamed on its message alone", async () => {
    const { run, copies } = setup({
      apply: (ids) => {
        if (ids.includes("bad")) throw new OutageError("so it says");
      },
    });

    expect(await run([message("a"), message("bad"), message("c")])).toEqual([
      "done",
      "retry",
      "done",
    ]);
    expect(copies).toEqual(["bad: attempt 2.1 in 5000"]);
  });

  test("is what an unknown error is that hits every message of several groups", async () => {
    let down = true;
    const { run, copies } = setup({
      apply: () => {
        if (down) throw new Error("unheard of");
      },
      probe: () => {
        if (down) throw new Error("unheard of");
      },
    });
    await run([message("a")]);
    await run([message("b")]);
    await expect(run([message("c")])).rejects.toThrow("out of time");
    down = false;

    expect(await run([message("c")])).toEqual(["done"]);
    expect(copies).toEqual(["a: attempt 2.1 in 5000", "b: attempt 2.1 in 5000"]);
  });

  test("is not what one poisonous message causes again and again", async () => {
    const { run, copies } = setup({ apply: throws(new Error("poison")) });
    await run([message("a")]);
    await run([message("a", { attempt: 2 })]);

    expect(await run([message("a", { attempt: 3 })])).toEqual(["dead"]);
    expect(copies.at(-1)).toBe("a: dead, out of attempts");
  });
});

describe("a batch is rejected, so that nothing is acked,", () => {
  test("when the ledger cannot be read", async () => {
    const { run, calls } = setup({ wrap: (ledger) => ({ ...ledger, look: fails("ledger down") }) });

    await expect(run([message("a")])).rejects.toThrow("ledger down");
    expect(calls).toEqual([]);
  });

  test("when the ledger cannot be written after the effect", async () => {
    const { run, calls } = setup({ wrap: (ledger) => ({ ...ledger, swap: fails("ledger down") }) });

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
    expect(await ledger.look([{ tenant: "t", id: "a" }])).toMatchObject([
      { state: "forwarded", attempt: 2 },
    ]);
    expect(await ledger.look([{ tenant: "t", id: "b" }])).toEqual([undefined]);
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
    expect(await world.ledger.look([{ tenant: "t", id: "a" }])).toEqual([undefined]);
  });

  test("when its sink does not answer in time", async () => {
    const { run, copies } = setup({ apply: (_ids, signal) => aborted(signal) });

    await expect(run([message("a")])).rejects.toThrow("interrupted");
    expect(copies).toEqual([]);
  });

  test("when the next message would not fit in the time that is left", async () => {
    const world = setup({ apply: async () => world.clock.advance(40_000) });

    await expect(
      world.run([message("a", { deliveryCount: 1 }), message("b", { deliveryCount: 1 })]),
    ).rejects.toThrow("out of time");
    expect(world.calls).toEqual([["a"]]);
  });
});

test("retries, dead-letters and repeats without a ledger", async () => {
  const { run, copies } = setup({ wrap: noLedger, apply: (ids) => (ids[0] === "bad" ? ids : []) });

  expect(await run([message("a"), message("bad", { attempt: 2 })])).toEqual(["done", "retry"]);
  expect(await run([message("a"), message("bad", { attempt: 3 })])).toEqual(["done", "dead"]);
  expect(copies).toEqual(["bad: attempt 3.1 in 30000", "bad: dead, out of attempts"]);
});

test("publishes nothing under a claim that another process took over", async () => {
  const world = setup({
    apply: async ([id = ""]) => {
      const key = { tenant: "t", id };
      const [row] = await world.ledger.look([key]);
      if (row?.state !== "claimed") return;
      const to = { ...row, rev: "stolen", token: "thief:1", crashes: [row.token] };
      await world.ledger.swap([{ key, over: row, to }]);
      throw new Error("slow");
    },
  });

  await expect(world.run([message("a", { attempt: 2 })])).rejects.toThrow("the claim was lost");
  expect(world.copies).toEqual([]);
  // We live, so the thief's takeover was no crash.
  expect(await world.ledger.look([{ tenant: "t", id: "a" }])).toMatchObject([
    { token: "thief:1", crashes: [] },
  ]);
});

/** A process with an `apply` of its own, on a world of its own. */
function batchOf({ apply }: Pick<Consumer, "apply">) {
  const clock = fakeClock();
  let serial = 0;
  const process = batchProcessor(
    {
      name: "odd",
      repeatable: true,
      concurrency: 1,
      whenUncertain: "resend",
      parse: (body) => ({ event: { id: idOf(body), tenant_id: "t" }, digest: "d" }) as Received,
      apply,
      probe: async () => undefined,
    },
    {
      ledger: memoryLedger({ now: clock.now }),
      forward: { retry: async () => undefined, deadLetter: async () => undefined },
      retryDelays: [5_000],
      leaseMs: 90_000,
      process: "odd",
      report: () => undefined,
      now: clock.now,
      random: () => 0,
      nonce: () => `n${++serial}`,
      sleep: clock.sleep,
    },
  );
  return async (deliveries: Delivery[]) => {
    const limits = { signal: new AbortController().signal, remainingMs: () => 60_000 };
    return (await clock.drive(process(deliveries, limits))).map(({ outcome }) => outcome.kind);
  };
}

function throws(error: Error): (ids: string[]) => never {
  return () => {
    throw error;
  };
}

function fails(reason: string): () => Promise<never> {
  return () => Promise.reject(new Error(reason));
}

/** A sink that never answers, as a process sees it that is killed meanwhile. */
function died(_signal: AbortSignal): Promise<void> {
  return new Promise(() => undefined);
}

/** A driver that gives up when it is told to. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("cancelled by the driver")), {
      once: true,
    });
  });
}

async function untilCalled(calls: string[][], times: number): Promise<void> {
  while (calls.length < times) await new Promise((resolve) => setImmediate(resolve));
}

function fakeClock() {
  let time = START;
  const sleepers = new Set<{ due: number; wake: () => void }>();

  function advance(ms: number): void {
    time += ms;
    for (const sleeper of sleepers) {
      if (sleeper.due > time) continue;
      sleepers.delete(sleeper);
      sleeper.wake();
    }
  }

  function sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { due: time + ms, wake: resolve };
      sleepers.add(sleeper);
      signal.addEventListener("abort", () => {
        sleepers.delete(sleeper);
        reject(new Error("sleep interrupted"));
      });
    });
  }

  /** Waits for the work; whenever it waits for time alone, time goes on. */
  async function drive<T>(work: Promise<T>): Promise<T> {
    let ended = false;
    work.then(
      () => (ended = true),
      () => (ended = true),
    );
    for (let idle = 0; !ended; idle++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (idle % 3 !== 2 || sleepers.size === 0) continue;
      advance(Math.min(...[...sleepers].map(({ due }) => due)) - time);
    }
    return work;
  }

  return { now: () => time, sleep, advance, drive };
}
