import { inParallel } from "../async/in-parallel.ts";
import { applyAlone } from "./alone.ts";
import type { Batch, Deps, Result } from "./batch.ts";
import { claimsIn } from "./claims.ts";
import type { Policy } from "./classify.ts";
import type { Consumer } from "./consumer.ts";
import { decide } from "./decide.ts";
import { applyGroup } from "./group.ts";
import { sinkHealth } from "./hold.ts";
import { dropCopies, type Letter, open } from "./letter.ts";
import type { Delivery, Settled } from "./message.ts";
import { settle } from "./settle.ts";
import { timeBudget } from "./time-budget.ts";

/** The limits of one invocation. */
export type Run = {
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
