import { chunksOf, inParallel } from "../async/in-parallel.ts";
import { errorText } from "../error-text.ts";
import { keyText } from "../ledger/ledger.ts";
import { applyAlone } from "./alone.ts";
import type { Batch, Deps, Result } from "./batch.ts";
import { claimsIn } from "./claims.ts";
import type { Policy } from "./classify.ts";
import type { Consumer } from "./consumer.ts";
import { type Decision, decide, type Mode } from "./decide.ts";
import { applyGroup, type Member, sortOut, tryGroup } from "./group.ts";
import { hold, sinkHealth, timeBudget } from "./hold.ts";
import {
  compareRank,
  type Decided,
  type Delivery,
  isSuspect,
  type Letter,
  type Outcome,
  type Settled,
} from "./message.ts";
import { settle } from "./settle.ts";

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

/**
 * Made once per process: it remembers how the sink fared from one batch to the next, and refuses a
 * batch while another is being processed: claims of a process hold against others only.
 */
export function batchProcessor(consumer: Consumer, deps: Deps): ProcessBatch {
  const health = sinkHealth(consumer);
  const policy = policyOf(consumer, deps);
  let isBusy = false;

  return async (deliveries, run) => {
    if (isBusy) throw new Error(`${consumer.name} was given a batch while it processes another`);
    isBusy = true;
    const settled = new Map<Delivery, Settled>();
    const report = (one: Settled) => {
      settled.set(one.delivery, one);
      deps.report(one);
    };
    const time = timeBudget({ ...deps, ...run });
    const claims = claimsIn({ ...deps, ...time, consumer });
    const batch: Batch = { ...deps, consumer, policy, health, time, claims, report };

    try {
      const { letters, unreadable } = open(deliveries, consumer);
      const { kept, copies } = dropCopies(letters, deps.retryDelays[0]!);
      await claims.look(kept, isFresh);
      const { decided, group, shared, alone } = split(kept, batch);

      alone.push(...(await applyAndSettleGroup(group, batch)));
      for (const few of chunksOf(SHARED, shared)) {
        alone.push(...(await applyAndSettleShared(few, batch)));
      }
      const decidedLate = await applyAndSettleEach(alone, batch);
      // Once the batch is lost to another consumer, a copy of it would be one too many.
      time.requireRunning();
      // Last, since these leave no record: published once, unless this very moment fails.
      await settle([...unreadable, ...copies, ...decided, ...decidedLate], batch);
      return deliveries.map((delivery) => required(settled.get(delivery)));
    } catch (error) {
      await claims.releaseAll();
      throw error;
    } finally {
      isBusy = false;
    }
  };
}

function required(settled: Settled | undefined): Settled {
  if (settled === undefined) throw new Error("a delivery was left unsettled");
  return settled;
}

/** How many may be suspected of the same death before each is tried alone. */
const SHARED = 32;

/** What needs no sink, what is applied together, together under claims, and alone. */
function split(
  letters: readonly Letter[],
  batch: Batch,
): { decided: Result[]; group: Letter[]; shared: Letter[]; alone: Letter[] } {
  const decided: Result[] = [];
  const group: Letter[] = [];
  const shared: Letter[] = [];
  const alone: Letter[] = [];

  for (const letter of letters) {
    const mode = modeOf(letter.delivery, batch.consumer);
    const decision = decideOn(letter, mode, batch);
    if (decision.kind === "settle") decided.push({ letter, outcome: decision.outcome });
    else if (decision.kind === "group") group.push(letter);
    else if (decision.kind === "claim" && mode === "shared") shared.push(letter);
    else alone.push(letter);
  }
  return { decided, group, shared, alone };
}

function decideOn(letter: Letter, mode: Mode, { claims, process, now }: Batch): Decision {
  const message = { delivery: letter.delivery, digest: letter.received.digest };
  return decide(claims.rowOf(letter), message, mode, { process, now: now() });
}

/**
 * Fresh messages of a repeatable consumer travel together; those that may have ended a process in
 * small groups under claims, so that a further death accuses few; everything else alone.
 */
function modeOf(delivery: Delivery, { repeatable }: Consumer): Mode {
  if (!repeatable) return "once";
  if (delivery.attempt > 1) return "alone";
  return isSuspect(delivery) ? "shared" : "group";
}

function isFresh({ delivery }: Letter): boolean {
  return delivery.attempt === 1 && delivery.generation === 1 && !isSuspect(delivery);
}

/** Settles the group, or each part of it before the next is applied. Returns what to try alone. */
async function applyAndSettleGroup(letters: readonly Letter[], batch: Batch): Promise<Letter[]> {
  const forAlone: Letter[] = [];
  const groups: Member[][] = letters.length === 0 ? [] : [letters.map((letter) => ({ letter }))];
  for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
    const applied = await applyGroup(group, batch);
    await settle(applied.results, batch);
    forAlone.push(...applied.forAlone);
    groups.push(...applied.smaller);
  }
  return forAlone;
}

/**
 * Claims all members before they are applied, and settles all before anything else is claimed: if
 * the process ends, their rows name the suspects. Nobody waits for a member whose row has changed.
 * While the sink is down nothing is held. Returns what to try alone.
 */
async function applyAndSettleShared(letters: readonly Letter[], batch: Batch): Promise<Letter[]> {
  const { claims } = batch;
  const patience = hold(batch);
  const forAlone: Letter[] = [];

  for (let open = letters; open.length > 0;) {
    const { members, others } = await claimTogether(open, batch);
    forAlone.push(...others);
    open = [];
    const groups = members.length === 0 ? [] : [members];
    for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
      const tried = await tryGroup(group, batch);
      if (tried.isOutage) {
        const inHand = [group, ...groups].flat().map(({ letter }) => letter);
        await claims.releaseAll();
        if (!(await patience.outlast(tried.refusal))) return [...forAlone, ...inHand];
        await claims.look(inHand);
        open = inHand;
        break;
      }
      const applied = sortOut(group, tried, batch);
      await settle(applied.results, batch);
      groups.push(...applied.smaller);
    }
  }
  return forAlone;
}

/** One write for all claims. A group of one is no group: it goes alone, with all others. */
async function claimTogether(
  letters: readonly Letter[],
  batch: Batch,
): Promise<{ members: Member[]; others: Letter[] }> {
  batch.time.requireAnother();
  const claiming = letters.flatMap((letter) => {
    const decision = decideOn(letter, "shared", batch);
    return decision.kind === "claim" ? [{ letter, decision }] : [];
  });
  if (claiming.length < 2) return { members: [], others: [...letters] };

  const taken = await batch.claims.take(claiming, { shared: true });
  const members = [...taken].map(([letter, claim]): Member => ({ letter, claim }));
  return { members, others: letters.filter((letter) => !taken.has(letter)) };
}

/**
 * Settles each message under its claim before the next claim. What may have ended a process goes
 * strictly one at a time: a crash then accuses one message. The others run side by side as far as
 * the consumer allows. Returns what its row has decided meanwhile.
 */
async function applyAndSettleEach(letters: readonly Letter[], batch: Batch): Promise<Result[]> {
  const decided: Result[] = [];
  const next = (shared: boolean) => async (letter: Letter) => {
    const result = await applyAlone(letter, { shared }, batch);
    if (result.claim === undefined) decided.push(result);
    else await settle([result], batch);
  };
  const suspects = letters.filter(({ delivery }) => isSuspect(delivery));
  const others = letters.filter(({ delivery }) => !isSuspect(delivery));
  await inParallel(suspects, 1, next(false));
  await inParallel(lanesOf(others, batch.consumer), batch.consumer.concurrency, inTurn(next(true)));
  return decided;
}

/** What must keep its order, together; each in the order of delivery. */
function lanesOf(letters: readonly Letter[], consumer: Consumer): Letter[][] {
  const laneOf = (letter: Letter) =>
    (consumer.repeatable ? undefined : consumer.laneOf?.(letter.received)) ?? letter;
  return [...Map.groupBy(letters, laneOf).values()];
}

/** One letter of a lane after the other. After a failure in any lane nothing new is started. */
function inTurn(work: (letter: Letter) => Promise<void>): (lane: Letter[]) => Promise<void> {
  let hasFailed = false;
  return async (lane) => {
    try {
      for (const letter of lane) if (!hasFailed) await work(letter);
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
}

function policyOf(consumer: Consumer, { retryDelays, retryLaterFor, now, random }: Deps): Policy {
  const { repeatable } = consumer;
  // A repeatable consumer has no uncertain sends: if it reports one, people should look at it.
  const whenUncertain = repeatable ? "dead-letter" : consumer.whenUncertain;
  return { retryDelays, retryLaterFor, now, random, repeatable, whenUncertain };
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
      const { tenant_id: tenant, source, id } = received.event;
      letters.push({ delivery, received, key: { tenant, source, id } });
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
