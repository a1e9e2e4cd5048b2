import { expect, test } from "vitest";
import { classify } from "./classify.ts";
import type { Delivery } from "./message.ts";
import {
  IdReusedError,
  NotNowError,
  OutageError,
  PermanentError,
  RetryLaterError,
  UncertainError,
} from "./errors.ts";

const policy = {
  retryDelays: [5_000, 30_000],
  retryLaterFor: 86_400_000,
  repeatable: true,
  whenUncertain: "resend",
  now: () => 1_000,
  random: () => 0,
} as const;

const on = (attempt: number) => ({ attempt }) as Delivery;

test.each([
  [
    "an unknown error is retried",
    new Error("boom"),
    1,
    { kind: "retry", delayMs: 5_000, reason: "failed", error: "Error: boom" },
  ],
  [
    "a later attempt waits longer",
    new Error("boom"),
    2,
    { kind: "retry", delayMs: 30_000, reason: "failed", error: "Error: boom" },
  ],
  [
    "the last attempt is dead",
    new Error("boom"),
    3,
    { kind: "dead", reason: "out of attempts", error: "Error: boom" },
  ],
  [
    "a refusal is dead at once",
    new PermanentError("bad"),
    1,
    { kind: "dead", reason: "refused", error: "PermanentError: bad" },
  ],
  [
    "a reused id leaves the row alone",
    new IdReusedError("seen"),
    1,
    { kind: "dead", rowStays: true, reason: "id reused", error: "IdReusedError: seen" },
  ],
  [
    "the other side chooses the time",
    new RetryLaterError("429", 9_000),
    1,
    {
      kind: "defer",
      delayMs: 8_000,
      notBefore: 9_000,
      reason: "told to retry later",
      error: "RetryLaterError: 429",
    },
  ],
  [
    "an outage that is blamed on the message spends an attempt",
    new OutageError("down"),
    1,
    { kind: "retry", delayMs: 5_000, reason: "failed", error: "OutageError: down" },
  ],
  [
    "a thrown string is survived",
    "boom",
    1,
    { kind: "retry", delayMs: 5_000, reason: "failed", error: "boom" },
  ],
])("%s", (_name, error, attempt, expected) => {
  expect(classify(error, on(attempt), policy)).toEqual(expected);
});

test("who is not repeatable and says that it is not now has sent nothing", () => {
  const once = { ...policy, repeatable: false };
  expect(classify(new NotNowError("full"), on(1), once)).toMatchObject({
    kind: "retry",
    delayMs: 5_000,
  });
});

test.each([
  ["no attempt, not even the last", { attempt: 3 }, 9_000, { kind: "defer", delayMs: 8_000 }],
  ["at most an hour", {}, 1e15, { kind: "defer", delayMs: 3_600_000, notBefore: 3_601_000 }],
  ["nothing, if its time has come", {}, 7, { kind: "defer", delayMs: 0, notBefore: 1_000 }],
  [
    "for a day after its first failure",
    { firstFailedAt: 1_000 - 86_400_000 },
    9_000,
    { kind: "defer" },
  ],
  [
    "and no longer",
    { firstFailedAt: 1_000 - 86_400_001 },
    9_000,
    {
      kind: "dead",
      reason: "told to retry later for too long",
      error: "RetryLaterError: 429",
    },
  ],
])("to be told to retry later costs %s", (_costs, delivery, notBefore, expected) => {
  const error = new RetryLaterError("429", notBefore);
  const outcome = classify(error, { ...on(1), ...delivery } as Delivery, policy);
  expect(outcome).toMatchObject(expected);
});

test("some of what failed together waits once more, so that it does not come back together", () => {
  const at = (random: number) =>
    classify(new Error("boom"), on(1), { ...policy, random: () => random });
  expect(at(0.4)).toEqual({
    kind: "retry",
    delayMs: 5_000,
    reason: "failed",
    error: "Error: boom",
  });
  expect(at(0.6)).toMatchObject({ kind: "retry", delayMs: 6_000, notBefore: 7_000 });
});

test.each([
  ["resend", 1, "resend"],
  ["dead-letter", 1, "dead-letter"],
  ["resend", 3, "dead-letter"],
] as const)(
  "an uncertain send with policy %s on attempt %i goes to %s",
  (whenUncertain, attempt, next) => {
    const outcome = classify(new UncertainError("no answer"), on(attempt), {
      ...policy,
      repeatable: false,
      whenUncertain,
    });

    expect(outcome).toMatchObject({ kind: "uncertain", next });
  },
);

test("takes an unknown error of a consumer that is not repeatable for an uncertain send", () => {
  expect(classify(new TypeError("bug"), on(1), { ...policy, repeatable: false })).toMatchObject({
    kind: "uncertain",
  });
});
