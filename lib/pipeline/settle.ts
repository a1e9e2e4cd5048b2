import type { Batch, Result } from "./batch.ts";
import type { Rank } from "./letter.ts";
import type { Settled, Why } from "./message.ts";

/**
 * The one way to settle: reports, publishes, records and releases. Once it resolves, the originals may
 * be acked. What is done is completed in the ledger, then reported. Of everything else the claim, if
 * there is one, is checked before the copy is published, and the record follows the broker's confirm;
 * what was confirmed is recorded even if another publish failed. Rejects after all have ended.
 */
export async function settle(results: readonly Result[], batch: Batch): Promise<void> {
  const { claims, report } = batch;
  const settling = results.map((result) => ({ ...result, ...effectOf(result, batch) }));

  const done = settling.filter(({ leaves }) => leaves === "done");
  await claims.complete(done);
  for (const one of done) report(settledOf(one));

  const others = settling.filter(({ leaves }) => leaves !== "done");
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
  leaves?: "done" | Rank;
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
      return { leaves: "done" };
    case "duplicate":
    case "superseded":
      return {};
    case "defer":
      return { publish: () => again(attempt, outcome.delayMs, delivery.notBefore) };
    case "retry":
      return {
        leaves: next,
        publish: () => again(next.attempt, outcome.delayMs, outcome.notBefore),
      };
    case "dead":
      // The row of a reused id belongs to the other event.
      return { ...(!outcome.idReused && { leaves: dead }), publish: () => deadLetter(outcome) };
    case "uncertain":
      return outcome.next === "resend"
        ? { leaves: next, publish: () => again(next.attempt, outcome.delayMs) }
        : { leaves: dead, publish: () => deadLetter(outcome) };
  }

  async function again(ofAttempt: number, delayMs: number, notBefore?: number): Promise<void> {
    const failed = ofAttempt > attempt;
    const firstFailedAt = delivery.firstFailedAt ?? (failed ? now() : undefined);
    const copy = { attempt: ofAttempt, generation, delayMs, notBefore, firstFailedAt };
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
