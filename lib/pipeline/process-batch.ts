import { inParallel } from "../async/in-parallel.ts";
import { errorText } from "../error-text.ts";
import { keyText } from "../ledger/ledger.ts";
import { applyAlone } from "./alone.ts";
import type { Batch, Deps, Result } from "./batch.ts";
import { claimsIn } from "./claims.ts";
import type { Policy } from "./classify.ts";
import type { Consumer } from "./consumer.ts";
import { decide } from "./decide.ts";
import { applyGroup } from "./group.ts";
import { sinkHealth, timeBudget } from "./hold.ts";
import {
  compareRank,
  type Decided,
  type Delivery,
  type Letter,
  type Outcome,
  type Rank,
  type Settled,
  type Why,
} from "./message.ts";

/** The limits of one invocation. */
type Run = {
  /** Aborts when the channel is lost or the process must stop: no further work is started. */
  signal: AbortSignal;
  /** ms until the runtime ends this invocation. */
  remainingMs: () => number;
};

/**
 * Settles every delivery of a batch: when it resolves, all may be acked; when it rejects, none may
 * and the batch must come again. A message's failure is a value in the result; only the failure of
 * the plumbing (ledger, broker), an outage that outlasts the invocation and a stop reject.
 * The result is in the order of the deliveries.
 */
export type ProcessBatch = (deliveries: readonly Delivery[], run: Run) => Promise<Settled[]>;

/** Made once per process: it remembers how the sink fared from one batch to the next. */
export function batchProcessor(consumer: Consumer, deps: Deps): ProcessBatch {
  const health = sinkHealth(consumer);
  const policy = policyOf(consumer, deps);

  return async (deliveries, run) => {
    const settled = new Map<Delivery, Settled>();
    const report = (one: Settled) => {
      settled.set(one.delivery, one);
      deps.report(one);
    };
    const time = timeBudget({ ...deps, ...run });
    const claims = claimsIn({ ...deps, consumer });
    const batch: Batch = { ...deps, consumer, policy, health, time, claims, report };

    try {
      const { letters, unreadable } = open(deliveries, consumer);
      const { kept, copies } = dropCopies(letters, deps.retryDelays[0]!);
      await claims.look(kept);
      const { decided, group, alone } = split(kept, batch);

      const forAlone = await applyAndSettleGroups(group, batch);
      const decidedLate = await applyAndSettleEach([...alone, ...forAlone], batch);
      // Once the batch is lost to another consumer, a copy of it would be one too many.
      time.requireRunning();
      // Last, since these leave no record: published once, unless this very moment fails.
      await settle([...unreadable, ...copies, ...decided, ...decidedLate], batch);
    } catch (error) {
      await claims.releaseAll();
      throw error;
    }
    return deliveries.map((delivery) => settled.get(delivery)!);
  };
}

/** What needs no sink, what is applied together, and what travels alone. */
function split(
  letters: readonly Letter[],
  { claims, consumer, process, now }: Batch,
): { decided: Result[]; group: Letter[]; alone: Letter[] } {
  const decided: Result[] = [];
  const group: Letter[] = [];
  const alone: Letter[] = [];

  for (const letter of letters) {
    const mode = modeOf(letter.delivery, consumer);
    const message = { delivery: letter.delivery, digest: letter.received.digest };
    const decision = decide(claims.rowOf(letter), message, mode, { process, now: now() });
    if (decision.kind === "settle") decided.push({ letter, outcome: decision.outcome });
    else if (decision.kind === "group") group.push(letter);
    else alone.push(letter);
  }
  return { decided, group, alone };
}

/** Fresh messages of a repeatable consumer travel together; everything else alone. */
function modeOf({ attempt, deliveryCount }: Delivery, { repeatable }: Consumer) {
  if (!repeatable) return "once";
  return attempt === 1 && deliveryCount === 0 ? "group" : "alone";
}

/** Settles each group before the next is applied. Returns the messages to try alone. */
async function applyAndSettleGroups(letters: readonly Letter[], batch: Batch): Promise<Letter[]> {
  const forAlone: Letter[] = [];
  const groups = letters.length === 0 ? [] : [letters];
  for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
    const applied = await applyGroup(group, batch);
    await settle(applied.results, batch);
    forAlone.push(...applied.forAlone);
    groups.push(...applied.halves);
  }
  return forAlone;
}

/**
 * Settles each message under its claim before the next claim. What was delivered before may have
 * crashed a process, so it goes strictly one at a time: a crash then accuses one message. The others
 * run side by side as far as the consumer allows. Returns what its row has decided meanwhile.
 */
async function applyAndSettleEach(letters: readonly Letter[], batch: Batch): Promise<Result[]> {
  const decided: Result[] = [];
  const next = async (letter: Letter) => {
    const result = await applyAlone(letter, batch);
    if (result.claim === undefined) decided.push(result);
    else await settle([result], batch);
  };
  const suspects = letters.filter(({ delivery }) => delivery.deliveryCount > 0);
  const others = letters.filter(({ delivery }) => delivery.deliveryCount === 0);
  await inParallel(suspects, 1, next);
  await inParallel(others, batch.consumer.concurrency, next);
  return decided;
}

function policyOf(consumer: Consumer, { retryDelays, now, random }: Deps): Policy {
  const { repeatable } = consumer;
  // A repeatable consumer has no uncertain sends: if it reports one, people should look at it.
  const whenUncertain = repeatable ? "dead-letter" : consumer.whenUncertain;
  return { retryDelays, now, random, repeatable, whenUncertain };
}

/** Reads every delivery; what cannot be read is dead at once. */
function open(
  deliveries: readonly Delivery[],
  consumer: Consumer,
): { letters: Letter[]; unreadable: Decided[] } {
  const letters: Letter[] = [];
  const unreadable: Decided[] = [];
  for (const delivery of deliveries) {
    try {
      const received = consumer.parse(delivery.body);
      const { tenant_id: tenant, id } = received.event;
      letters.push({ delivery, received, key: { tenant, id } });
    } catch (error) {
      const reason = "unreadable event";
      unreadable.push({
        letter: { delivery },
        outcome: { kind: "dead", reason, error: errorText(error) },
      });
    }
  }
  return { letters, unreadable };
}

/**
 * Several copies of an event may share a batch. Of copies with one digest the highest in rank is
 * kept and the others are duplicates of it; of two with equal rank, the one that was redelivered,
 * since only that one may take over its own claim. An event with another digest under the same id
 * waits: the first is not done yet, so nobody can say that the id was reused.
 */
function dropCopies(
  letters: readonly Letter[],
  waitMs: number,
): { kept: Letter[]; copies: Decided[] } {
  const kept = new Map<string, Letter>();
  const copies: Decided[] = [];

  for (const letter of letters) {
    const key = keyText(letter.key);
    const rival = kept.get(key);
    if (rival === undefined) {
      kept.set(key, letter);
    } else if (rival.received.digest !== letter.received.digest) {
      copies.push({ letter, outcome: idShared(waitMs) });
    } else {
      const [winner, loser] = ranksHigher(letter, rival) ? [letter, rival] : [rival, letter];
      kept.set(key, winner);
      copies.push({ letter: loser, outcome: { kind: "duplicate" } });
    }
  }
  return { kept: [...kept.values()], copies };
}

function ranksHigher(letter: Letter, rival: Letter): boolean {
  const rank = compareRank(letter.delivery, rival.delivery);
  return rank !== 0 ? rank > 0 : letter.delivery.deliveryCount > rival.delivery.deliveryCount;
}

function idShared(waitMs: number): Outcome {
  return {
    kind: "defer",
    delayMs: waitMs,
    reason: "id shared in one batch",
    error: "another event with this id is in the same batch",
  };
}

/**
 * The one way to settle: reports, publishes, records and releases. Once it resolves, the originals may
 * be acked. What is done is completed in the ledger, then reported. Of everything else the claim, if
 * there is one, is checked before the copy is published, and the record follows the broker's confirm;
 * what was confirmed is recorded even if another publish failed. Rejects after all have ended.
 */
async function settle(results: readonly Result[], batch: Batch): Promise<void> {
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
