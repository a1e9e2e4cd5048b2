/** Waits that double from `firstMs` to `lastMs`, each shortened by up to a half, so that a fleet spreads. */
export type Backoff = {
  /** The next wait, ms. */
  next: () => number;
  reset: () => void;
};

export function backoff({
  firstMs,
  lastMs,
  random,
}: {
  firstMs: number;
  lastMs: number;
  /** In [0, 1). */
  random: () => number;
}): Backoff {
  let full = firstMs;
  return {
    next() {
      const wait = full * (1 - random() / 2);
      full = Math.min(full * 2, lastMs);
      return wait;
    },
    reset: () => (full = firstMs),
  };
}
