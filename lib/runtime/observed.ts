import type { Change, Claimed, Ledger } from "../ledger/ledger.ts";
import type { Logger } from "../log.ts";
import type { Consumer } from "../pipeline/consumer.ts";
import {
  BrokerUnavailableError,
  PublishRefusedError,
  PublishUnknownError,
  UnroutableError,
} from "../rabbit/errors.ts";
import type { RabbitPublisher } from "../rabbit/publisher.ts";
import type { ClaimKind, Metrics, PublishResult, RowState } from "./metrics.ts";

/**
 * The same consumer, with its sink's outages shown: the pipeline probes a sink only when it holds a
 * batch for it, so a failed probe is the beginning of a hold, and whatever the sink does next its end.
 * Both are logged, once each: a batch that outlasts its outage leaves no other word of it.
 */
export function observedSink(
  consumer: Consumer,
  { name, metrics, log }: { name: string; metrics: Metrics; log: Pick<Logger, "info" | "warn"> },
): Consumer {
  let down = false;

  function answered(): void {
    metrics.sink({ name, down: false });
    if (down) log.info({ function: name }, "the sink answers again");
    down = false;
  }

  return {
    ...consumer,
    async apply(events, signal) {
      const failures = await consumer.apply(events, signal);
      answered();
      return failures;
    },
    async probe(signal) {
      try {
        await consumer.probe(signal);
        answered();
      } catch (error) {
        // Interrupted, it says nothing about the sink.
        if (!signal.aborted) {
          metrics.sink({ name, down: true });
          if (!down) log.warn({ function: name, err: error }, "the sink does not answer");
          down = true;
        }
        throw error;
      }
    },
  };
}

/** The same ledger, with its writes and failures counted under the name of its function. */
export function observedLedger(
  ledger: Ledger,
  { name, metrics }: { name: string; metrics: Metrics },
): Ledger {
  async function watched<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      metrics.ledgerFailed({ name });
      throw error;
    }
  }

  return {
    look: (keys) => watched(ledger.look(keys)),
    async swap(changes) {
      const verdicts = await watched(ledger.swap(changes));
      const written = changes.filter((_, index) => verdicts[index]?.written);
      const states = new Map<RowState, number>();
      for (const { over, to } of written) {
        const state = to?.state ?? "removed";
        states.set(state, (states.get(state) ?? 0) + 1);
        if (to?.state === "claimed") countClaim(to, over);
      }
      for (const [state, count] of states) metrics.rows({ name, state, count });
      return verdicts;
    },
  };

  function countClaim(to: Claimed, over: Change["over"]): void {
    const before = over?.state === "claimed" ? over : undefined;
    // The owner writes to its own claim as well: that it is about to send, that it did not crash.
    if (before?.token === to.token) return;
    metrics.claimed({ name, kind: kindOf(to, before) });
    if (to.crashes.length > (before?.crashes.length ?? 0)) metrics.crashed({ name });
  }
}

function kindOf(to: Claimed, before: Claimed | undefined): ClaimKind {
  if (before === undefined) return "fresh";
  return processOf(before) === processOf(to) ? "retaken" : "takeover";
}

/** `<process>:<nonce>` */
function processOf({ token }: Claimed): string {
  return token.slice(0, token.lastIndexOf(":"));
}

/** The same publisher, with its messages counted under the name of its function. */
export function observedPublisher(
  publisher: RabbitPublisher,
  { name, metrics }: { name: string; metrics: Metrics },
): RabbitPublisher {
  return {
    ...publisher,
    async publish(message) {
      const settled = metrics.publishing({ name });
      try {
        await publisher.publish(message);
        settled("confirmed");
      } catch (error) {
        settled(resultOf(error));
        throw error;
      }
    },
  };
}

function resultOf(error: unknown): PublishResult {
  if (error instanceof PublishRefusedError) return "refused";
  if (error instanceof UnroutableError) return "unroutable";
  if (error instanceof PublishUnknownError) return "unknown";
  if (error instanceof BrokerUnavailableError) return "unavailable";
  return "failed";
}
