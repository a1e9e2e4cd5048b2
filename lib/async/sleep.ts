/**
 * Resolves after `ms`, or rejects with the signal's reason. Most sleeps in Warren are aborted. Node's own
 * timer would create an error with a stack for each.
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
 * Waits that double from `firstMs` to `lastMs`. Each is shortened at random by up to `spread`, so that
 * calls that failed together are not repeated together.
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
  /** In [0, 1]: the random part of a wait. */
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
 * Returns the ms since its last call. A frozen process (a Lambda environment) does not notice that its
 * connections end. So open new ones after a long pause. `now` is the wall clock, because the monotonic
 * clock may stop with the machine.
 */
export function pauseSince(now: () => number): () => number {
  let seen = now();
  return () => {
    const pause = now() - seen;
    seen += pause;
    return pause;
  };
}
