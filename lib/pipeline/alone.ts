import type { Batch, Result } from "./batch.ts";
import type { Claim } from "./claims.ts";
import { classify } from "./classify.ts";
import { decide, MAX_CRASHES } from "./decide.ts";
import { UncertainError } from "./errors.ts";
import { HandedBackError, hold } from "./hold.ts";
import type { Letter, Outcome } from "./message.ts";

/**
 * Applies one message under a claim. The result has that claim, or none: then the row of the message
 * has decided meanwhile. `shared`: others are applied at the same time.
 */
export async function applyAlone(
  letter: Letter,
  { shared }: { shared: boolean },
  batch: Batch,
): Promise<Result> {
  const { consumer, claims, policy, health, time, process, now } = batch;
  const { delivery, received } = letter;
  const message = { delivery, digest: received.digest };
  const mode = consumer.repeatable ? "alone" : "once";
  const patience = hold(batch);
  /** A failure that came back while the sink was healthy: no outage, whatever it claims to be. */
  let blamed: unknown;

  for (;;) {
    time.requireAnother();
    const decision = decide(claims.rowOf(letter), message, mode, { process, now: now() });
    if (decision.kind === "settle") return { letter, outcome: decision.outcome };
    if (decision.kind !== "claim") throw new Error(`no message alone can be ${decision.kind}`);

    const claim = (await claims.take([{ letter, decision }], { shared })).get(letter);
    if (claim === undefined) continue;
    const under = (outcome: Outcome): Result => ({ letter, outcome, claim });

    if (decision.sending) return under(fail(new UncertainError(ENDED_IN_MID_SEND)));
    if (decision.crashes.length >= MAX_CRASHES) return under(crashesItsConsumer);
    if (blamed !== undefined) return under(fail(blamed));

    const failure = await tryUnder(claim);
    if (failure === undefined) {
      health.succeeded();
      return under({ kind: "done" });
    }
    const { error, outcome } = failure;
    if (!health.isOutage(error, [letter])) return under(outcome);

    await claims.release(claim);
    if (!(await patience.outlast(error))) blamed = error;
    await claims.look([letter]);
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
    // What is cut off in mid-send is uncertain; what may be repeated makes way at once.
    const run = () => (consumer.repeatable ? time.within(apply) : time.toTheEnd(apply));
    const applied = await attempt(run).catch((error: unknown) => {
      // Interrupted: before `apply` nothing was sent, and after it perhaps nothing either.
      if (!begun) claims.noteSent(claim, false);
      else if (error instanceof HandedBackError) blame(claim, error.cause);
      throw error;
    });
    return "error" in applied ? { ...applied, outcome: blame(claim, applied.error) } : undefined;
  }

  function blame(claim: Claim, error: unknown): Outcome {
    const outcome = fail(error);
    claims.noteSent(claim, outcome.kind === "uncertain");
    return outcome;
  }
}

/** Rejects when it was interrupted. Even a thrown `undefined` is a failure, not a success. */
async function attempt<T>(work: () => Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof HandedBackError) throw error;
    return { error: error ?? new Error("apply failed without an error") };
  }
}

const ENDED_IN_MID_SEND = "a process ended after it had started to send this";

const crashesItsConsumer: Outcome = {
  kind: "dead",
  reason: "crashes its consumer",
  error: `its consumer ended ${MAX_CRASHES} times while it applied this message alone`,
};
