import type { Batch, Result } from "./batch.ts";
import { idReused } from "./decide.ts";
import { isSuspect, type Rank, type Settled, type Why } from "./message.ts";

/**
 * The one way to settle: reports, publishes, records and releases. Once it resolves, the originals may
 * be acked. What is done is completed in the ledger, then reported. Of everything else the claim, if
 * there is one, is checked before the copy is published, and the record follows the broker's confirm;
 * what was confirmed is recorded even if another publish failed. Rejects after all have ended.
 */
export async function settle(results: readonly Result[], batch: Batch): Promise<void> {
  const { claims, report } = batch;
  const done = results.filter(({ outcome }) => outcome.kind === "done");
  const worn = await claims.complete(done);
  for (const one of done) if (!worn.includes(one)) report(settledOf(one));

  const others = [
    ...results.filter(({ outcome }) => outcome.kind !== "done"),
    ...worn.map(({ letter }): Result => ({ letter, outcome: idReused })),
  ].map((result) => ({ ...result, ...effectOf(result, batch) }));
  const published = await Promise.allSettled(
    others.map(async (one) => {
      if (one.claim !== undefined) await claims.check(one.claim);
      report(settledOf(one));
      await one.publish?.();
    }),
  );
  await claims.record(others.filter((_, index) => published[index]?.status === "fulfilled"));
  for (const each of published) if (each.status === "rejected") throw each.reason;
}

/** What carrying out an outcome takes. */
type Effect = {
  /** The row of the ledger afterwards; absent when the outcome must not touch it. */
  leaves?: Rank;
  /** Resolves once the broker has confirmed the copy. */
  publish?: () => Promise<void>;
};

function effectOf({ letter, outcome }: Result, { forward, now }: Batch): Effect {
  const { delivery } = letter;
  const { attempt, generation } = delivery;
  const next = { attempt: attempt + 1, generation };
  const dead = { attempt: "dead", generation } as const;

  switch (outcome.kind) {
    case "done":
    case "duplicate":
    case "superseded":
      return {};
    case "defer":
      return { publish: () => again(attempt, outcome) };
    case "retry":
      return {
        leaves: next,
        publish: () => again(next.attempt, outcome),
      };
    case "dead":
      return { ...(!outcome.rowStays && { leaves: dead }), publish: () => deadLetter(outcome) };
    case "uncertain":
      return outcome.next === "resend"
        ? { leaves: next, publish: () => again(next.attempt, outcome) }
        : { leaves: dead, publish: () => deadLetter(outcome) };
  }

  async function again(
    ofAttempt: number,
    { delayMs, notBefore: until }: { delayMs: number; notBefore?: number },
  ): Promise<void> {
    const failed = ofAttempt > attempt;
    const notBefore = until ?? (failed ? undefined : delivery.notBefore);
    const isFirst = failed || until !== undefined;
    const firstFailedAt = delivery.firstFailedAt ?? (isFirst ? now() : undefined);
    const suspect = !failed && (isSuspect(delivery) || "suspect" in outcome);
    const copy = { attempt: ofAttempt, generation, delayMs, notBefore, suspect, firstFailedAt };
    await forward.retry(delivery, copy);
  }

  async function deadLetter({ reason, error }: Why): Promise<void> {
    const deadAt = now();
    const firstFailedAt = delivery.firstFailedAt ?? deadAt;
    await forward.deadLetter(delivery, { reason, error, deadAt, firstFailedAt });
  }
}

function settledOf({ letter, outcome }: Result): Settled {
  return { delivery: letter.delivery, event: letter.received?.event, outcome };
}
