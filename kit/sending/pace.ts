import pThrottle from "p-throttle";
import { RetryLaterError } from "../../lib/pipeline/errors.ts";
import { unlessAborted } from "../../lib/async/deadline.ts";
import { RecipientBusyError } from "./transport.ts";

/** When the next message of a channel may go out, in this process. */
export type Pace = {
  /** Resolves when it is the caller's turn; rejects when the signal aborts. */
  turn: (signal: AbortSignal) => Promise<void>;
  /** Call this with the error of a send. After a RetryLaterError, all sends wait for a while. */
  failed: (error: unknown) => void;
};

/**
 * ms. The limit may concern only one recipient, so the pause is short. If it concerns all recipients,
 * the next send hits it again.
 */
const LONGEST_PAUSE = 5_000;

/**
 * At most `perSecond` in any second. Each message that the other side postpones costs an attempt. The pause
 * keeps the following messages from hitting the same limit.
 */
export function pace({
  perSecond,
  now,
  sleep,
}: {
  perSecond: number;
  /** Epoch ms. */
  now: () => number;
  /** Resolves after `ms`, rejects when the signal aborts. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}): Pace {
  const throttle = pThrottle({ limit: perSecond, interval: 1_000, strict: true });
  const next = throttle(async () => {});
  let pausedUntil = 0;

  return {
    async turn(signal) {
      while (pausedUntil > now()) await sleep(pausedUntil - now(), signal);
      await unlessAborted(next(), signal);
    },
    failed(error) {
      if (!(error instanceof RetryLaterError) || error instanceof RecipientBusyError) return;
      const until = Math.min(error.notBefore, now() + LONGEST_PAUSE);
      pausedUntil = Math.max(pausedUntil, until);
    },
  };
}
