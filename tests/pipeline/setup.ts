import type { Received } from "../../lib/envelope/envelope.ts";
import type { Asked, Key, Ledger } from "../../lib/ledger/ledger.ts";
import type { Consumer, Failure, RepeatableConsumer } from "../../lib/pipeline/consumer.ts";
import type { Delivery } from "../../lib/pipeline/message.ts";
import { batchProcessor } from "../../lib/pipeline/process-batch.ts";
import { memoryLedger } from "../contract/memory-ledger.ts";
import { fakeClock, START } from "./fake-clock.ts";

type Options = {
  /** Called with the ids of each apply; throws or returns what the sink says. */
  apply?: (ids: string[], signal: AbortSignal) => void | readonly string[] | Promise<void>;
  /** What the failures have that `apply` returns. */
  failure?: Error;
  beforeSend?: (signal: AbortSignal) => Promise<"send" | "nothing to send">;
  probe?: () => void | Promise<void>;
  repeatable?: boolean;
  /** By the id; without it each event has a lane of its own. */
  laneOf?: (id: string) => string;
  whenUncertain?: "resend" | "dead-letter";
  wrap?: (ledger: Ledger) => Ledger;
  publish?: () => void | Promise<void>;
};

/** A consumer whose calls are noted, and a clock that moves on only when everything waits for it. */
export function setup(options: Options = {}) {
  const clock = fakeClock();
  const { failure = new Error("not this one") } = options;
  const calls: string[][] = [];
  const copies: string[] = [];
  const reports: string[] = [];
  const firstFailures: (number | undefined)[] = [];
  const ledger = (options.wrap ?? ((plain) => plain))(memoryLedger({ now: clock.now }));
  let serial = 0;

  const common: Omit<RepeatableConsumer, "repeatable"> = {
    name: "test",
    concurrency: 4,
    parse(body) {
      const [tenant_id, id, digest] = new TextDecoder("utf-8", { fatal: true })
        .decode(body)
        .split("/");
      if (id === undefined) throw new Error("no id");
      return { event: { id, tenant_id, source: "s" }, digest } as Received;
    },
    async apply(events, signal) {
      const ids = events.map(({ event }) => event.id);
      calls.push(ids);
      const failed = (await options.apply?.(ids, signal)) ?? [];
      return events
        .filter(({ event }) => failed.includes(event.id))
        .map((received): Failure => ({ received, error: failure }));
    },
    probe: async () => options.probe?.(),
  };
  const consumer: Consumer =
    (options.repeatable ?? true)
      ? { ...common, repeatable: true }
      : {
          ...common,
          repeatable: false,
          whenUncertain: options.whenUncertain ?? "resend",
          laneOf: ({ event: { id } }) => options.laneOf?.(id) ?? id,
          beforeSend: async (_received, signal) => (await options.beforeSend?.(signal)) ?? "send",
        };

  const start = (process: string) =>
    batchProcessor(consumer, {
      ledger,
      forward: {
        retry: async ({ body }, copy) => {
          const { attempt, generation, delayMs, notBefore, suspect, firstFailedAt } = copy;
          await options.publish?.();
          firstFailures.push(firstFailedAt);
          const until = notBefore === undefined ? "" : ` not before ${notBefore - START}`;
          const mark = suspect ? ", suspect" : "";
          copies.push(
            `${idOf(body)}: attempt ${attempt}.${generation} in ${delayMs}${until}${mark}`,
          );
        },
        deadLetter: async ({ body }, { reason }) => {
          await options.publish?.();
          copies.push(`${idOf(body)}: dead, ${reason}`);
        },
      },
      retryDelays: [5_000, 30_000],
      retryLaterFor: 86_400_000,
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
  return { run, start, stop, calls, copies, firstFailures, reports, ledger, clock };
}

const text = (body: Uint8Array) => new TextDecoder().decode(body);
const idOf = (body: Uint8Array) => text(body).split("/")[1] ?? "?";

export function message(
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
    suspect: false,
    firstFailedAt: undefined,
    ...rest,
  };
}

/** A process with an `apply` of its own, on a world of its own. */
export function batchOf({ apply }: Pick<Consumer, "apply">) {
  const clock = fakeClock();
  let serial = 0;
  const process = batchProcessor(
    {
      name: "odd",
      repeatable: true,
      concurrency: 1,
      parse: (body) =>
        ({ event: { id: idOf(body), tenant_id: "t", source: "s" }, digest: "d" }) as Received,
      apply,
      probe: async () => undefined,
    },
    {
      ledger: memoryLedger({ now: clock.now }),
      forward: { retry: async () => undefined, deadLetter: async () => undefined },
      retryDelays: [5_000],
      retryLaterFor: 86_400_000,
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

export function keyOf(id: string): Key {
  return { tenant: "t", source: "s", id };
}

export function asked(id: string): Asked {
  return { key: keyOf(id), digest: "d", fresh: false };
}

export function throws(error: Error): (ids: string[]) => never {
  return () => {
    throw error;
  };
}

export function fails(reason: string): () => Promise<never> {
  return () => Promise.reject(new Error(reason));
}

/** A sink that never answers, as a process sees it that is killed meanwhile. */
export function died(_signal: AbortSignal): Promise<never> {
  return new Promise(() => undefined);
}

/** A driver that gives up when it is told to. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("cancelled by the driver")), {
      once: true,
    });
  });
}

export async function untilCalled(calls: string[][], times: number): Promise<void> {
  while (calls.length < times) await new Promise((resolve) => setImmediate(resolve));
}
