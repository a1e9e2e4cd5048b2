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

export type Policy = {
  /** Delay before each further attempt, ms; its length is the number of retries. */
  retryDelays: readonly number[];
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
export function classify(error: unknown, { attempt }: Delivery, policy: Policy): Outcome {
  const text = errorText(error);
  if (error instanceof IdReusedError) {
    return { kind: "dead", rowStays: true, reason: "id reused", error: text };
  }
  if (error instanceof PermanentError) return { kind: "dead", reason: "refused", error: text };

  const wait = policy.retryDelays[attempt - 1];
  if (isUncertain(error, policy)) {
    const next = wait === undefined ? "dead-letter" : policy.whenUncertain;
    const delayMs = jittered(wait ?? 0, policy);
    return { kind: "uncertain", next, delayMs, reason: "send uncertain", error: text };
  }
  if (wait === undefined) return { kind: "dead", reason: "out of attempts", error: text };
  if (error instanceof RetryLaterError) {
    const { notBefore } = error;
    const delayMs = Math.max(0, notBefore - policy.now());
    return { kind: "retry", delayMs, notBefore, reason: "told to retry later", error: text };
  }
  return { kind: "retry", delayMs: jittered(wait, policy), reason: "failed", error: text };
}

/** An error that says nothing about the message: from a bug, a reset, a time-out. */
export function isUnknown(error: unknown): boolean {
  return !KNOWN.some((known) => error instanceof known);
}

const KNOWN = [PermanentError, RetryLaterError, NotNowError, OutageError, UncertainError];

function isUncertain(error: unknown, { repeatable }: Policy): boolean {
  return error instanceof UncertainError || (!repeatable && isUnknown(error));
}

/** Shortened by up to 10 %, so that what failed together does not come back together. */
function jittered(ms: number, { random }: Policy): number {
  return Math.round(ms * (1 - 0.1 * random()));
}
