import type { Claims } from "./claims.ts";
import { classify, isUnknown, type Policy } from "./classify.ts";
import type { Consumer } from "./consumer.ts";
import { OutageError, PermanentError } from "./errors.ts";
import type { Hold, SinkHealth } from "./hold.ts";
import type { Letter } from "./letter.ts";
import type { Settled } from "./outcome.ts";
import type { Settle } from "./settle.ts";
import { HandedBackError, type TimeBudget } from "./time-budget.ts";

/**
 * Batching is an optimisation; the message is the unit of failure. Fresh messages are applied in
 * one call and completed without a claim, since the sink's proof decides who was first. A group
 * that is refused for good is halved until the culprit is found; its neighbours do not pay.
 * Returns the messages that have to be tried alone.
 */
export async function applyGroup(
  letters: readonly Letter[],
  tools: {
    consumer: Consumer;
    claims: Claims;
    settle: Settle;
    policy: Policy;
    health: SinkHealth;
    time: TimeBudget;
    newHold: () => Hold;
    report: (settled: Settled) => void;
  },
): Promise<Letter[]> {
  const { consumer, claims, settle, policy, health, time, newHold, report } = tools;
  const forAlone: Letter[] = [];
  const groups = letters.length === 0 ? [] : [[...letters]];

  for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
    const { failures, refusal } = await applyThroughOutages(group);

    if (refusal !== undefined && group.length > 1 && isHalved(refusal)) {
      const middle = Math.ceil(group.length / 2);
      groups.push(group.slice(middle), group.slice(0, middle));
      continue;
    }

    const applied = refusal === undefined ? group.filter((letter) => !failures.has(letter)) : [];
    await claims.complete(applied);
    for (const { delivery, received } of applied) {
      report({ delivery, event: received.event, outcome: { kind: "done" } });
    }

    const failed = group.flatMap((letter) => {
      const error = refusal ?? failures.get(letter);
      return error === undefined
        ? []
        : [{ letter, outcome: classify(error, letter.delivery, policy), error }];
    });
    // What a group would dead-letter is first claimed and tried once more alone.
    const isRetried = ({ outcome, error }: (typeof failed)[number]) =>
      outcome.kind === "retry" && !(error instanceof OutageError);
    await settle.group(failed.filter(isRetried));
    forAlone.push(...failed.filter((one) => !isRetried(one)).map(({ letter }) => letter));
  }
  return forAlone;

  /** One call, repeated while the sink is down. `refusal` is an error of the group as a whole. */
  async function applyThroughOutages(
    group: readonly Letter[],
  ): Promise<{ failures: Map<Letter, unknown>; refusal?: unknown }> {
    const patience = newHold();
    for (;;) {
      time.requireAnother();
      try {
        const failures = await applyOnce(group);
        if (failures.size < group.length) health.succeeded();
        return { failures };
      } catch (error) {
        if (error instanceof HandedBackError) throw error;
        const outage = health.isOutage(error, group);
        if (outage && (await patience.outlast(error))) continue;
        return { failures: new Map(), refusal: error ?? new Error(NAMELESS) };
      }
    }
  }

  async function applyOnce(group: readonly Letter[]): Promise<Map<Letter, unknown>> {
    const byReceived = new Map(group.map((letter) => [letter.received, letter]));
    const returned = await time.within((signal) => consumer.apply([...byReceived.keys()], signal));

    const failures = new Map<Letter, unknown>();
    for (const { received, error } of returned) {
      const letter = byReceived.get(received);
      if (letter === undefined)
        throw new Error("apply returned a failure of an event it was not given");
      failures.set(letter, error ?? new Error(NAMELESS));
    }
    // All failed in a way that says nothing about them: that is a failure of the group.
    const [first, ...rest] = failures.values();
    if (failures.size === group.length && [first, ...rest].every(saysNothing)) throw first;
    return failures;
  }
}

/** Thrown nothing is still thrown: it must not pass for success. */
const NAMELESS = "apply failed without an error";

function isHalved(refusal: unknown): boolean {
  return refusal instanceof PermanentError || refusal instanceof OutageError;
}

function saysNothing(error: unknown): boolean {
  return isUnknown(error) || error instanceof OutageError;
}
