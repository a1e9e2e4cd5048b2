import type { Ledger } from "../ledger/ledger.ts";
import { applyAlone } from "./alone.ts";
import { claimsIn } from "./claims.ts";
import type { Policy } from "./classify.ts";
import type { Consumer } from "./consumer.ts";
import { decide } from "./decide.ts";
import type { Delivery } from "./delivery.ts";
import type { Forward } from "./forward.ts";
import { applyGroup } from "./group.ts";
import { hold, sinkHealth } from "./hold.ts";
import { type Decided, dropCopies, type Letter, open } from "./letter.ts";
import type { Settled } from "./outcome.ts";
import { settleWith, throwFirst } from "./settle.ts";
import { HandedBackError, timeBudget } from "./time-budget.ts";

export type Deps = {
  ledger: Ledger;
  forward: Forward;
  /** Delay before each further attempt, ms, at least one; its length is the number of retries. */
  retryDelays: readonly number[];
  /** How long a claim holds, ms: the function's time-out plus 30 s of clock skew. */
  leaseMs: number;
  /** Names one process start; its own old claims are retaken without counting a crash. */
  process: string;
  /** Called once for each message when its outcome is decided, before anything is published. */
  report: (settled: Settled) => void;
  /** Epoch ms. */
  now: () => number;
  /** In [0, 1). */
  random: () => number;
  /** A string no other write ever used. */
  nonce: () => string;
  /** Resolves after `ms`, rejects when the signal aborts. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
};

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
  const { ledger, process, now } = deps;
  const policy: Policy = { ...deps, ...consumer };
  const health = sinkHealth(consumer);

  return async (deliveries, run) => {
    const settled = new Map<Delivery, Settled>();
    const report = (one: Settled) => {
      settled.set(one.delivery, one);
      deps.report(one);
    };
    const time = timeBudget({ ...deps, ...run });
    const newHold = () => hold({ ...deps, consumer, time });
    const claims = claimsIn(deps);
    const settle = settleWith({ ...deps, claims, report });
    const tools = { ...deps, consumer, claims, settle, policy, health, time, newHold, report };

    try {
      const { letters, unreadable } = open(deliveries, consumer);
      const { kept, copies } = dropCopies(letters, deps.retryDelays[0]!);
      await look(kept);
      const { decided, group, alone } = split(kept);

      const forAlone = await applyGroup(group, tools);
      const decidedLate = await applyAlone([...alone, ...forAlone], tools);
      // Last, since these leave no record: published once, unless this very moment fails.
      await settleDecided([...unreadable, ...copies, ...decided, ...decidedLate]);
    } catch (error) {
      await claims.releaseAll();
      throw error;
    }
    return deliveries.map((delivery) => settled.get(delivery)!);

    async function settleDecided(all: readonly Decided[]): Promise<void> {
      // Once the batch is lost to another consumer, a copy of it would be one too many.
      if (run.signal.aborted) throw new HandedBackError("stopped", { cause: run.signal.reason });
      const settling = all.map((one) => settle.unclaimed(one.delivery, one.letter, one.outcome));
      throwFirst(await Promise.allSettled(settling));
    }
  };

  async function look(letters: readonly Letter[]): Promise<void> {
    const rows = letters.length === 0 ? [] : await ledger.look(letters.map(({ key }) => key));
    letters.forEach((letter, index) => (letter.row = rows[index]));
  }

  /** What needs no sink, what is applied together, and what travels alone. */
  function split(letters: readonly Letter[]): {
    decided: Decided[];
    group: Letter[];
    alone: Letter[];
  } {
    const decided: Decided[] = [];
    const group: Letter[] = [];
    const alone: Letter[] = [];

    for (const letter of letters) {
      const { delivery, received, row } = letter;
      const message = { delivery, digest: received.digest };
      const decision = decide(row, message, modeOf(delivery), { process, now: now() });
      if (decision.kind === "settle") {
        decided.push({ delivery, letter, outcome: decision.outcome });
      } else if (decision.kind === "group") {
        group.push(letter);
      } else {
        alone.push(letter);
      }
    }
    return { decided, group, alone };
  }

  /** Fresh messages of a repeatable consumer travel together; everything else alone. */
  function modeOf({ attempt, deliveryCount }: Delivery) {
    if (!consumer.repeatable) return "once";
    return attempt === 1 && deliveryCount === 0 ? "group" : "alone";
  }
}
