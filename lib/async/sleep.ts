/**
 * Resolves after `ms`, or rejects with the signal's reason. Most sleeps here are cut short because
 * nobody needs them any more: Node's own makes an error, with its stack, of each.
 */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(ended, ms);
    signal.addEventListener("abort", aborted, { once: true });

    function ended(): void {
      signal.removeEventListener("abort", aborted);
      resolve();
    }
    function aborted(): void {
      clearTimeout(timer);
      reject(signal.reason);
    }
  });
}

/**
 * Waits that double from `firstMs` to `lastMs`. Each is shortened by up to `spread`, so that what failed
 * together does not come back together.
 */
export type Backoff = {
  /** The next wait, ms. */
  next: () => number;
  reset: () => void;
};

export function backoff({
  firstMs,
  lastMs,
  spread = 0.5,
  random,
}: {
  firstMs: number;
  lastMs: number;
  /** In [0, 1]: the part of a wait that is left to chance. */
  spread?: number;
  /** In [0, 1). */
  random: () => number;
}): Backoff {
  let full = firstMs;
  return {
    next() {
      const wait = full * (1 - spread * random());
      full = Math.min(full * 2, lastMs);
      return wait;
    },
    reset: () => (full = firstMs),
  };
}

/**
 * Tells how many ms have passed since it was last called. A process that stood still (a frozen Lambda
 * environment) is not told of connections that ended meanwhile: after a long pause, open new ones.
 * `now` is the wall clock, since the monotonic one may stand still with the machine.
 */
export function pauseSince(now: () => number): () => number {
  let seen = now();
  return () => {
    const pause = now() - seen;
    seen += pause;
    return pause;
  };
}
