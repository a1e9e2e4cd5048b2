import type { Batch, Result } from "./batch.ts";
import { classify, isUnknown } from "./classify.ts";
import { OutageError, PermanentError } from "./errors.ts";
import { HandedBackError, hold } from "./hold.ts";
import type { Letter } from "./message.ts";

/** What is to be settled, what to apply again in two halves, and what to try alone. */
type Applied = { results: Result[]; halves: Letter[][]; forAlone: Letter[] };

/**
 * Batching is an optimisation; the message is the unit of failure. Fresh messages are applied in
 * one call and completed without a claim, since the sink's proof decides who was first. A group
 * that is refused for good is halved until the culprit is found; its neighbours do not pay.
 */
export async function applyGroup(group: readonly Letter[], batch: Batch): Promise<Applied> {
  const { consumer, policy, health, time } = batch;
  const { failures, refusal } = await applyThroughOutages();

  if (refusal !== undefined && group.length > 1 && isHalved(refusal)) {
    const middle = Math.ceil(group.length / 2);
    return { results: [], halves: [group.slice(middle), group.slice(0, middle)], forAlone: [] };
  }

  const results: Result[] = [];
  const forAlone: Letter[] = [];
  for (const letter of group) {
    const error = refusal ?? failures.get(letter);
    if (error === undefined) {
      results.push({ letter, outcome: { kind: "done" } });
      continue;
    }
    const outcome = classify(error, letter.delivery, policy);
    // What a group would dead-letter is first claimed and tried once more alone.
    if (outcome.kind === "retry" && !(error instanceof OutageError)) {
      results.push({ letter, outcome });
    } else forAlone.push(letter);
  }
  return { results, halves: [], forAlone };

  /** One call, repeated while the sink is down. `refusal` is an error of the group as a whole. */
  async function applyThroughOutages(): Promise<{
    failures: Map<Letter, unknown>;
    refusal?: unknown;
  }> {
    const patience = hold(batch);
    for (;;) {
      time.requireAnother();
      try {
        const failed = await applyOnce();
        if (failed.size < group.length) health.succeeded();
        return { failures: failed };
      } catch (error) {
        if (error instanceof HandedBackError) throw error;
        const outage = health.isOutage(error, group);
        if (outage && (await patience.outlast(error))) continue;
        return { failures: new Map(), refusal: error ?? new Error(NAMELESS) };
      }
    }
  }

  async function applyOnce(): Promise<Map<Letter, unknown>> {
    const byReceived = new Map(group.map((letter) => [letter.received, letter]));
    const returned = await time.within((signal) => consumer.apply([...byReceived.keys()], signal));

    const failed = new Map<Letter, unknown>();
    for (const { received, error } of returned) {
      const letter = byReceived.get(received);
      if (letter === undefined)
        throw new Error("apply returned a failure of an event it was not given");
      failed.set(letter, error ?? new Error(NAMELESS));
    }
    // All failed in a way that says nothing about them: that is a failure of the group.
    const [first, ...rest] = failed.values();
    if (failed.size === group.length && [first, ...rest].every(saysNothing)) throw first;
    return failed;
  }
}

/** Even a thrown `undefined` is a failure: it must not pass for success. */
const NAMELESS = "apply failed without an error";

function isHalved(refusal: unknown): boolean {
  return refusal instanceof PermanentError || refusal instanceof OutageError;
}

function saysNothing(error: unknown): boolean {
  return isUnknown(error) || error instanceof OutageError;
}
