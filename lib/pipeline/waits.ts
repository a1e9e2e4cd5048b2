/** ms. Every consumer has these waits besides its RETRY_DELAYS; each is a queue with one fixed TTL. */
const LADDER = [1_000, 5_000, 30_000, 300_000];

/** ms. A longer wait is cut: nobody knows today what a sink wants in an hour. */
export const LONGEST_LATER = 3_600_000;

/** A wait may end later than it was asked for by this part of it: else the rest costs many short waits. */
const LATE = 0.05;

/** A retry waits longer by at most this part of its delay. */
const SPREAD = 0.2;

/** The TTLs of a consumer's retry queues, ms, ascending. */
export function waitsOf(retryDelays: readonly number[]): number[] {
  return [...new Set([...LADDER, ...retryDelays])].sort((a, b) => a - b);
}

/**
 * In which of these `waits` a copy spends the next part of `ms`: the longest that fits, or the shortest of
 * all. What is left is waited for when the copy has come back, so it comes late by the shortest at most,
 * or by a twentieth.
 */
export function waitFor(ms: number, waits: readonly number[]): number {
  return waits.findLast((wait) => wait <= ms * (1 + LATE)) ?? waits[0]!;
}

/**
 * What a retry waits on top of its delay, ms: nothing, or one of the shorter waits, at random. A queue with
 * one TTL returns together what came together, so it is the number of waits that tells copies apart.
 */
export function extraWait(delayMs: number, waits: readonly number[], random: () => number): number {
  const extras = [0, ...waits.filter((wait) => wait <= delayMs * SPREAD)];
  return extras[Math.floor(random() * extras.length)]!;
}
