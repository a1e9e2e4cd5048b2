import { errorText } from "../error-text.ts";
import {
  IdReusedError,
  NotNowError,
  OutageError,
  PermanentError,
  RetryLaterError,
  UncertainError,
} from "./errors.ts";
import type { Delivery, Outcome } from "./message.ts";
import { extraWait, LONGEST_LATER, waitsOf } from "./waits.ts";

export type Policy = {
  /** Delay before each further attempt, ms; its length is the number of retries. */
  retryDelays: readonly number[];
  /** How long a message obeys RetryLaterErrors, counted from its first failure, ms. */
  retryLaterFor: number;
  repeatable: boolean;
  whenUncertain: "resend" | "dead-letter";
  now: () => number;
  /** In [0, 1). */
  random: () => number;
};

/**
 * What becomes of a message whose application failed. Unknown errors are retried: permanence has
 * to be proven, not guessed. From a consumer that is not repeatable an unknown error is uncertain:
 * nobody said that nothing was sent.
 */
export function classify(error: unknown, delivery: Delivery, policy: Policy): Outcome {
  const text = errorText(error);
  if (error instanceof IdReusedError) {
    return { kind: "dead", rowStays: true, reason: "id reused", error: text };
  }
  if (error instanceof PermanentError) return { kind: "dead", reason: "refused", error: text };

  if (error instanceof RetryLaterError) return later(error, delivery, policy);

  const wait = policy.retryDelays[delivery.attempt - 1];
  if (isUncertain(error, policy)) {
    const next = wait === undefined ? "dead-letter" : policy.whenUncertain;
    const spread = spreadOut(wait ?? 0, policy);
    return { kind: "uncertain", next, ...spread, reason: "send uncertain", error: text };
  }
  if (wait === undefined) return { kind: "dead", reason: "out of attempts", error: text };
  return { kind: "retry", ...spreadOut(wait, policy), reason: "failed", error: text };
}

/** Obeys, at no cost to the message, until it has been told so for too long. */
function later(
  error: RetryLaterError,
  { firstFailedAt }: Delivery,
  { retryLaterFor, now }: Policy,
): Outcome {
  const at = now();
  const text = errorText(error);
  if (at - (firstFailedAt ?? at) > retryLaterFor) {
    return { kind: "dead", reason: "told to retry later for too long", error: text };
  }
  const notBefore = Math.min(Math.max(error.notBefore, at), at + LONGEST_LATER);
  const delayMs = notBefore - at;
  return { kind: "defer", delayMs, notBefore, reason: "told to retry later", error: text };
}

/** An error that says nothing about the message: from a bug, a reset, a time-out. */
export function isUnknown(error: unknown): boolean {
  return !KNOWN.some((known) => error instanceof known);
}

const KNOWN = [PermanentError, RetryLaterError, NotNowError, OutageError, UncertainError];

function isUncertain(error: unknown, { repeatable }: Policy): boolean {
  return error instanceof UncertainError || (!repeatable && isUnknown(error));
}

/** Some wait longer, so that what failed together does not all come back together. */
function spreadOut(
  wait: number,
  { retryDelays, random, now }: Policy,
): { delayMs: number; notBefore?: number } {
  const delayMs = wait + extraWait(wait, waitsOf(retryDelays), random);
  return delayMs === wait ? { delayMs } : { delayMs, notBefore: now() + delayMs };
}
