import pThrottle from "p-throttle";
import { RetryLaterError } from "../../lib/pipeline/errors.ts";
import { unlessAborted } from "../../lib/async/deadline.ts";
import { RecipientBusyError } from "./transport.ts";

/** When the next message of a channel may go out, in this process. */
export type Pace = {
  /** Resolves when it is the caller's turn; rejects when the signal aborts. */
  turn: (signal: AbortSignal) => Promise<void>;
  /** Call with what a send threw: when told to come later, all wait for a while. */
  failed: (error: unknown) => void;
};

/**
 * A limit that was meant for one recipient without saying so must not stop all the others for long;
 * one that was meant for all is met again after this time. ms
 */
const LONGEST_PAUSE = 5_000;

/**
 * At most `perSecond` in any second. Of messages that are told to come later each spends an attempt:
 * the pause keeps those behind them from running into the same wall.
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
