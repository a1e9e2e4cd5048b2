import { inParallel } from "../async/in-parallel.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Claim, Claims } from "./claims.ts";
import { classify, type Policy } from "./classify.ts";
import type { Consumer } from "./consumer.ts";
import { decide, MAX_CRASHES } from "./decide.ts";
import { UncertainError } from "./errors.ts";
import type { Hold, SinkHealth } from "./hold.ts";
import type { Decided, Letter } from "./letter.ts";
import type { Outcome, Settled } from "./outcome.ts";
import type { Settle } from "./settle.ts";
import { HandedBackError, type TimeBudget } from "./time-budget.ts";

type Tools = {
  consumer: Consumer;
  ledger: Ledger;
  claims: Claims;
  settle: Settle;
  policy: Policy;
  health: SinkHealth;
  time: TimeBudget;
  newHold: () => Hold;
  report: (settled: Settled) => void;
  process: string;
  now: () => number;
};

/**
 * Applies messages one by one, each under a claim and settled before its claim is given up. What
 * may have crashed somebody (delivered before) goes strictly one at a time, so that a crash
 * accuses one message; the others share the sink as far as the consumer allows.
 * Returns those whose row has meanwhile decided about them.
 */
export async function applyAlone(letters: readonly Letter[], tools: Tools): Promise<Decided[]> {
  const decided: Decided[] = [];
  const suspects = letters.filter(({ delivery }) => delivery.deliveryCount > 0);
  const others = letters.filter(({ delivery }) => delivery.deliveryCount === 0);
  const applyNext = async (letter: Letter) => {
    const outcome = await applyOne(letter, tools);
    if (outcome !== undefined) decided.push({ delivery: letter.delivery, letter, outcome });
  };
  await inParallel(suspects, 1, applyNext);
  await inParallel(others, tools.consumer.concurrency, applyNext);
  return decided;
}

/** Settles the message under a claim, or returns the outcome that its row has decided. */
async function applyOne(letter: Letter, tools: Tools): Promise<Outcome | undefined> {
  const { consumer, ledger, claims, settle, policy, health, time, process, now } = tools;
  const { delivery, received } = letter;
  const mode = consumer.repeatable ? "alone" : "once";
  const patience = tools.newHold();
  /** A failure that came back while the sink was healthy: no outage, whatever it claims to be. */
  let blamed: unknown;

  for (;;) {
    time.requireAnother();
    const message = { delivery, digest: received.digest };
    const decision = decide(letter.row, message, mode, { process, now: now() });
    if (decision.kind === "settle") return decision.outcome;
    if (decision.kind !== "claim") throw new Error(`no message alone can be ${decision.kind}`);

    const claim = await claims.take(letter, decision);
    if (claim === undefined) continue;

    if (decision.sending) return settleUnder(claim, fail(new UncertainError(ENDED_IN_MID_SEND)));
    if (decision.crashes.length >= MAX_CRASHES) return settleUnder(claim, crashesItsConsumer);
    if (blamed !== undefined) return settleUnder(claim, fail(blamed));

    const failure = await tryUnder(claim);
    if (failure === undefined) {
      health.succeeded();
      await claims.completeOwn(claim, consumer);
      tools.report({ delivery, event: received.event, outcome: { kind: "done" } });
      return undefined;
    }
    const { error, outcome } = failure;
    if (!health.isOutage(error, [letter])) return settleUnder(claim, outcome);

    await claims.release(claim);
    if (!(await patience.outlast(error))) blamed = error;
    [letter.row] = await ledger.look([letter.key]);
  }

  async function settleUnder(claim: Claim, outcome: Outcome): Promise<undefined> {
    await settle.alone(claim, outcome);
    return undefined;
  }

  function fail(error: unknown): Outcome {
    return classify(error, delivery, policy);
  }

  /** Returns `undefined` once applied, or when nothing is to be applied. */
  async function tryUnder(claim: Claim): Promise<{ error: unknown; outcome: Outcome } | undefined> {
    if (!consumer.repeatable) {
      const getReady = async (signal: AbortSignal) => consumer.beforeSend?.(received, signal);
      const readied = await attempt(() => time.limited(getReady));
      // Nothing was sent: it may be tried again like anything that is repeatable.
      if ("error" in readied) {
        const outcome = classify(readied.error, delivery, { ...policy, repeatable: true });
        return { ...readied, outcome };
      }
      if (readied.value === "nothing to send") return undefined;
      // Waiting for its turn may have taken what a send needs, and one that is cut off is uncertain.
      time.requireAnother();
      await claims.markSending(claim);
    }
    let begun = false;
    const apply = async (signal: AbortSignal) => {
      begun = true;
      const [failed] = await consumer.apply([received], signal);
      if (failed !== undefined) throw failed.error;
    };
    const applied = await attempt(() => time.within(apply)).catch((error: unknown) => {
      // Interrupted: before `apply` nothing was sent, and after it perhaps nothing either.
      if (!begun) claim.mayHaveSent = false;
      else if (error instanceof HandedBackError) blame(claim, error.cause);
      throw error;
    });
    return "error" in applied ? { ...applied, outcome: blame(claim, applied.error) } : undefined;
  }

  /** Rejects when it was interrupted. Thrown nothing is still thrown: it must not pass for success. */
  async function attempt<T>(work: () => Promise<T>): Promise<{ value: T } | { error: unknown }> {
    try {
      return { value: await work() };
    } catch (error) {
      if (error instanceof HandedBackError) throw error;
      return { error: error ?? new Error("apply failed without an error") };
    }
  }

  function blame(claim: Claim, error: unknown): Outcome {
    const outcome = fail(error);
    claim.mayHaveSent = outcome.kind === "uncertain";
    return outcome;
  }
}

const ENDED_IN_MID_SEND = "a process ended after it had started to send this";

const crashesItsConsumer: Outcome = {
  kind: "dead",
  reason: "crashes its consumer",
  error: `its consumer ended ${MAX_CRASHES} times while it applied this message alone`,
};
