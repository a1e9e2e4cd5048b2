import { backoff } from "../async/sleep.ts";
import { isUnknown } from "./classify.ts";
import type { Consumer } from "./consumer.ts";
import { OutageError } from "./errors.ts";
import { keyText, LEDGER_MS } from "../ledger/ledger.ts";
import { type Letter, PUBLISH_MS } from "./message.ts";

/** What the sink showed lately, over the batches of one process. */
export type SinkHealth = {
  /** A message was applied. */
  succeeded(): void;
  /** Whether this error, of all of these messages, is an outage. Counts the unknown ones. */
  isOutage(error: unknown, letters: readonly Letter[]): boolean;
};

/**
 * An OutageError is an outage. So is an unknown error once it has hit every message of several
 * groups, and several different messages, with no success between: a store that fails in a way
 * its adapter does not know must not spend the attempts of everything that passes by. From a
 * consumer that is not repeatable an unknown error may hide a send, so it is none.
 */
export function sinkHealth({ repeatable }: { repeatable: boolean }): SinkHealth {
  let groups = 0;
  const victims = new Set<string>();

  return {
    succeeded() {
      groups = 0;
      victims.clear();
    },
    isOutage(error, letters) {
      if (error instanceof OutageError) return true;
      if (!repeatable || !isUnknown(error)) return false;
      groups += 1;
      for (const { key } of letters) if (victims.size < SEVERAL) victims.add(keyText(key));
      return groups >= SEVERAL && victims.size >= SEVERAL;
    },
  };
}

const SEVERAL = 3;

/** One group, or one message alone, waiting for its sink. */
type Hold = {
  /**
   * Call with each outage. Waits until the sink proves healthy; then the group is tried again.
   * False if the sink was healthy before and again right after the failure, twice in a row: then
   * it was no outage, and it counts against the messages.
   * Throws HandedBackError when the time for this batch is over.
   */
  outlast(error: unknown): Promise<boolean>;
};

/** Between two probes, ms. */
const FIRST_WAIT = 250;
const LONGEST_WAIT = 10_000;

export function hold({
  consumer,
  time,
  sleep,
  random,
}: {
  consumer: Consumer;
  time: TimeBudget;
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  random: () => number;
}): Hold {
  const waits = backoff({ firstMs: FIRST_WAIT, lastMs: LONGEST_WAIT, spread: 0.1, random });
  let healthyBefore = false;
  let strikes = 0;

  async function isHealthy(): Promise<boolean> {
    try {
      await time.within((signal) => consumer.probe(signal));
      return true;
    } catch (error) {
      if (error instanceof HandedBackError) throw error;
      return false;
    }
  }

  return {
    async outlast(error) {
      strikes = (await isHealthy()) && healthyBefore ? strikes + 1 : 0;
      if (strikes === 2) return false;

      do {
        const wait = waits.next();
        time.require(wait, error);
        await sleep(wait, time.stopped);
        healthyBefore = await isHealthy();
      } while (!healthyBefore);
      return true;
    },
  };
}

/** The batch goes back: what was settled stays settled, the rest is delivered again. */
export class HandedBackError extends Error {
  override name = "HandedBackError";
}

/** What is left of one invocation. */
export type TimeBudget = {
  /** Aborts when the invocation must stop. */
  stopped: AbortSignal;
  /** Throws HandedBackError if stopped. */
  requireRunning(cause?: unknown): void;
  /** Throws HandedBackError if stopped, or if `ms` would not leave the time to settle. */
  require(ms: number, cause?: unknown): void;
  /** Throws HandedBackError if stopped, or if work that lasts as long as any before does not fit. */
  requireAnother(): void;
  /** Runs work under a signal that aborts when stopped and when only the time to settle is left. */
  within<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** The same for work that may be cut off without harm: the next need not fit as long a one. */
  limited<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** The same for what must not be cut off: once begun, only the end of the time aborts it. */
  toTheEnd<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Repeats a call of the ledger that fails, until the invocation ends; also when stopped. */
  insist<T>(call: () => Promise<T>): Promise<T>;
};

/**
 * Kept free at the end of an invocation for settling, ms; at most a quarter of the whole. A publish
 * may come between two calls of the ledger.
 */
const SETTLE_MS = PUBLISH_MS + 2 * LEDGER_MS;

const NEVER = new AbortController().signal;

/** A reason of our own: without one each abort makes an error, with its stack, for nobody. */
const DONE = Symbol("done");

export function timeBudget({
  signal,
  remainingMs,
  sleep,
  random,
}: {
  signal: AbortSignal;
  remainingMs: () => number;
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  random: () => number;
}): TimeBudget {
  const reserve = Math.min(SETTLE_MS, remainingMs() / 4);
  const workMs = () => remainingMs() - reserve;
  let longest = 0;

  function requireRunning(cause?: unknown): void {
    if (signal.aborted) throw new HandedBackError("stopped", { cause: cause ?? signal.reason });
  }

  function require(ms: number, cause?: unknown): void {
    requireRunning(cause);
    if (workMs() <= ms) throw new HandedBackError("out of time", { cause });
  }

  async function measured<T>(run: () => Promise<T>): Promise<T> {
    const before = workMs();
    try {
      return await run();
    } finally {
      longest = Math.max(longest, before - workMs());
    }
  }

  const within = <T>(work: (limit: AbortSignal) => Promise<T>) => measured(() => limited(work));
  const toTheEnd = <T>(work: (limit: AbortSignal) => Promise<T>) =>
    measured(() => limited(work, NEVER));

  async function insist<T>(call: () => Promise<T>): Promise<T> {
    const waits = backoff({ firstMs: 100, lastMs: 1_000, spread: 1, random });
    for (;;) {
      try {
        return await call();
      } catch (error) {
        const wait = waits.next();
        if (remainingMs() <= wait) throw error;
        await sleep(wait, NEVER);
      }
    }
  }

  async function limited<T>(
    work: (limit: AbortSignal) => Promise<T>,
    stopper = signal,
  ): Promise<T> {
    // An abort that came before would not be heard any more.
    require(0);
    const limit = new AbortController();
    const timer = new AbortController();
    const stop = () => limit.abort(stopper.reason);

    stopper.addEventListener("abort", stop, { once: true });
    sleep(Math.max(0, workMs()), timer.signal).then(
      () => limit.abort(new HandedBackError("out of time")),
      () => undefined,
    );
    try {
      return await work(limit.signal);
    } catch (error) {
      // Whatever an interrupted call reports, it says nothing about the messages.
      if (limit.signal.aborted) throw new HandedBackError("interrupted", { cause: error });
      throw error;
    } finally {
      stopper.removeEventListener("abort", stop);
      timer.abort(DONE);
    }
  }

  const requireAnother = () => require(longest);
  const stopped = signal;
  return { stopped, requireRunning, require, requireAnother, within, limited, toTheEnd, insist };
}
