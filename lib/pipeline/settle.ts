import type { Claim, Claims } from "./claims.ts";
import type { Delivery } from "./delivery.ts";
import type { Forward } from "./forward.ts";
import type { Letter, Rank } from "./letter.ts";
import type { Outcome, Settled, Why } from "./outcome.ts";

export type Settle = ReturnType<typeof settleWith>;

/** Carries outcomes out. Once a call resolves, the originals may be acked. */
export function settleWith({
  forward,
  claims,
  now,
  report,
}: {
  forward: Forward;
  claims: Claims;
  now: () => number;
  report: (settled: Settled) => void;
}) {
  /** A message that holds no claim and leaves no record: its row, if any, belongs to another. */
  async function unclaimed(
    delivery: Delivery,
    letter: Letter | undefined,
    outcome: Outcome,
  ): Promise<void> {
    report({ delivery, event: letter?.received.event, outcome });
    await publish(delivery, outcome);
  }

  /** A message alone: checked before its copy is published, recorded after the confirm. */
  async function alone(claim: Claim, outcome: Outcome): Promise<void> {
    const { delivery, received } = claim.letter;
    await claims.check(claim);
    report({ delivery, event: received.event, outcome });
    await publish(delivery, outcome);

    const rank = rankAfter(delivery, outcome);
    if (rank === undefined) await claims.release(claim);
    else await claims.forwardOwn(claim, rank);
  }

  /** The failed messages of a group. What was confirmed is recorded, even if another was not. */
  async function group(failed: readonly { letter: Letter; outcome: Outcome }[]): Promise<void> {
    const ranks = new Map<Letter, Rank>();
    const publishing = failed.map(async ({ letter, outcome }) => {
      const { delivery, received } = letter;
      report({ delivery, event: received.event, outcome });
      await publish(delivery, outcome);
      const rank = rankAfter(delivery, outcome);
      if (rank !== undefined) ranks.set(letter, rank);
    });
    const results = await Promise.allSettled(publishing);
    await claims.forward([...ranks.keys()], (letter) => ranks.get(letter)!);
    throwFirst(results);
  }

  async function publish(delivery: Delivery, outcome: Outcome): Promise<void> {
    switch (outcome.kind) {
      case "done":
      case "duplicate":
      case "superseded":
        return;
      case "retry":
        return again(delivery, outcome.delayMs, delivery.attempt + 1, outcome.notBefore);
      case "defer":
        return again(delivery, outcome.delayMs, delivery.attempt, delivery.notBefore);
      case "dead":
        return deadLetter(delivery, outcome);
      case "uncertain":
        return outcome.next === "resend"
          ? again(delivery, outcome.delayMs, delivery.attempt + 1, undefined)
          : deadLetter(delivery, outcome);
    }
  }

  async function again(
    delivery: Delivery,
    delayMs: number,
    attempt: number,
    notBefore: number | undefined,
  ): Promise<void> {
    const failed = attempt > delivery.attempt;
    const firstFailedAt = delivery.firstFailedAt ?? (failed ? now() : undefined);
    const { generation } = delivery;
    await forward.retry(delivery, { attempt, generation, delayMs, notBefore, firstFailedAt });
  }

  async function deadLetter(delivery: Delivery, { reason, error }: Why): Promise<void> {
    const deadAt = now();
    const firstFailedAt = delivery.firstFailedAt ?? deadAt;
    await forward.deadLetter(delivery, { reason, error, deadAt, firstFailedAt });
  }

  return { unclaimed, alone, group };
}

/** Rejects with the first rejection, after all have ended. */
export function throwFirst(results: readonly PromiseSettledResult<unknown>[]): void {
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** How the copy ranks in the ledger; `undefined` when the outcome must not touch the row. */
function rankAfter({ attempt, generation }: Delivery, outcome: Outcome): Rank | undefined {
  const next = { attempt: attempt + 1, generation };
  const dead = { attempt: "dead", generation } as const;
  switch (outcome.kind) {
    case "retry":
      return next;
    case "dead":
      return outcome.idReused ? undefined : dead;
    case "uncertain":
      return outcome.next === "resend" ? next : dead;
    case "done":
    case "duplicate":
    case "superseded":
    case "defer":
      return undefined;
  }
}
