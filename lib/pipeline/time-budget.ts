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
};

/**
 * Kept free at the end of an invocation for settling, ms; at most a quarter of the whole. A publish
 * may take 5 s (lib/rabbit/publisher.ts) between two calls to the ledger.
 */
const SETTLE_MS = 10_000;

/** A reason of our own: without one each abort makes an error, with its stack, for nobody. */
const DONE = Symbol("done");

export function timeBudget({
  signal,
  remainingMs,
  sleep,
}: {
  signal: AbortSignal;
  remainingMs: () => number;
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
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

  async function within<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const before = workMs();
    try {
      return await limited(work);
    } finally {
      longest = Math.max(longest, before - workMs());
    }
  }

  async function limited<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    // An abort that came before would not be heard any more.
    require(0);
    const limit = new AbortController();
    const timer = new AbortController();
    const stop = () => limit.abort(signal.reason);

    signal.addEventListener("abort", stop, { once: true });
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
      signal.removeEventListener("abort", stop);
      timer.abort(DONE);
    }
  }

  const requireAnother = () => require(longest);
  return { stopped: signal, requireRunning, require, requireAnother, within, limited };
}
