import type { Batch, Result } from "./batch.ts";
import type { Claim } from "./claims.ts";
import { classify, isUnknown } from "./classify.ts";
import { OutageError, PermanentError } from "./errors.ts";
import { HandedBackError, hold } from "./hold.ts";
import type { Letter } from "./message.ts";

/** A message of a group; with its claim, if the group is a shared one. */
export type Member = { letter: Letter; claim?: Claim };

/** What became of one call: what failed, each by itself or as a whole, and whether the sink is down. */
type Tried = { failures: Map<Letter, unknown>; refusal?: unknown; isOutage: boolean };

/** What is to be settled, what to apply again in smaller groups, and what to try alone. */
type Applied = { results: Result[]; smaller: Member[][]; forAlone: Letter[] };

/**
 * Batching is an optimisation; the message is the unit of failure. Fresh messages are applied in
 * one call and completed without a claim, since the sink's proof decides who was first. While the
 * sink is down the call is repeated.
 */
export async function applyGroup(group: readonly Member[], batch: Batch): Promise<Applied> {
  const patience = hold(batch);
  for (;;) {
    const tried = await tryGroup(group, batch);
    if (tried.isOutage && (await patience.outlast(tried.refusal))) continue;
    return sortOut(group, tried, batch);
  }
}

/** One call of the sink. Throws HandedBackError. */
export async function tryGroup(
  group: readonly Member[],
  { consumer, health, time }: Batch,
): Promise<Tried> {
  time.requireAnother();
  try {
    const failures = await applyOnce();
    if (failures.size < group.length) health.succeeded();
    return { failures, isOutage: false };
  } catch (error) {
    if (error instanceof HandedBackError) throw error;
    const letters = group.map(({ letter }) => letter);
    const refusal = error ?? new Error(NAMELESS);
    return { failures: new Map(), refusal, isOutage: health.isOutage(error, letters) };
  }

  async function applyOnce(): Promise<Map<Letter, unknown>> {
    const byReceived = new Map(group.map(({ letter }) => [letter.received, letter]));
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

/**
 * What follows from a call. A group that is refused for good is halved until the culprit is found;
 * its neighbours do not pay. What a group would dead-letter is tried once more by itself: under the
 * claim that it has, or else under one of its own.
 */
export function sortOut(
  group: readonly Member[],
  { failures, refusal }: Tried,
  { policy }: Batch,
): Applied {
  if (refusal !== undefined && group.length > 1 && isHalved(refusal)) {
    const middle = Math.ceil(group.length / 2);
    return { results: [], smaller: [group.slice(middle), group.slice(0, middle)], forAlone: [] };
  }

  const applied: Applied = { results: [], smaller: [], forAlone: [] };
  for (const member of group) {
    const error = refusal ?? failures.get(member.letter);
    if (error === undefined) {
      applied.results.push({ ...member, outcome: { kind: "done" } });
      continue;
    }
    const outcome = classify(error, member.letter.delivery, policy);
    const isLater = outcome.kind === "retry" || outcome.kind === "defer";
    if (isLater && !(error instanceof OutageError)) applied.results.push({ ...member, outcome });
    else if (member.claim === undefined) applied.forAlone.push(member.letter);
    else if (group.length > 1) applied.smaller.push([member]);
    else applied.results.push({ ...member, outcome });
  }
  return applied;
}

/** Even a thrown `undefined` is a failure: it must not pass for success. */
const NAMELESS = "apply failed without an error";

function isHalved(refusal: unknown): boolean {
  return refusal instanceof PermanentError || refusal instanceof OutageError;
}

function saysNothing(error: unknown): boolean {
  return isUnknown(error) || error instanceof OutageError;
}
