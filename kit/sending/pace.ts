import pThrottle from "p-throttle";
import { RetryLaterError } from "../../lib/pipeline/errors.ts";
import { unlessAborted } from "../../lib/async/deadline.ts";
import { type Lines, recipientLines } from "./line.ts";
import { type Message, RecipientBusyError } from "./transport.ts";

type To = Pick<Message<unknown>, "id" | "source" | "tenant" | "to">;

/** When the next message of a channel may go out, in this process. */
export type Pace = {
  /**
   * Resolves when it is this message's turn; rejects when the signal aborts. Throws RecipientBusyError if
   * the recipient takes it later.
   */
  turn: (message: To, signal: AbortSignal) => Promise<void>;
  /** Call this with each message that was sent. */
  sent: Lines["sent"];
  /** Call this with the error of a send. After a RetryLaterError, all sends wait for a while. */
  failed: Lines["failed"];
};

/**
 * ms. The limit may concern only one recipient, so the pause is short. If it concerns all recipients,
 * the next send hits it again.
 */
const LONGEST_PAUSE = 5_000;

/**
 * At most `perSecond` in any second, and to each recipient as fast as he takes them. The other side may punish
 * who goes on: a pause keeps the following messages from hitting the same limit.
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
  const lines = recipientLines({ now });
  let pausedUntil = 0;

  return {
    async turn(message, signal) {
      lines.requireTurn(message);
      while (pausedUntil > now()) await sleep(pausedUntil - now(), signal);
      await unlessAborted(next(), signal);
    },
    sent: lines.sent,
    failed(message, error) {
      lines.failed(message, error);
      if (!(error instanceof RetryLaterError) || error instanceof RecipientBusyError) return;
      const until = Math.min(error.notBefore, now() + LONGEST_PAUSE);
      pausedUntil = Math.max(pausedUntil, until);
    },
  };
}
