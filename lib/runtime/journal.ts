import type { Change, Claimed, Ledger } from "../ledger/ledger.ts";
import type { Logger } from "../log.ts";
import type { Consumer } from "../pipeline/consumer.ts";
import type { Outcome, Settled } from "../pipeline/message.ts";
import type { ClaimKind, Metrics, RowState } from "./metrics.ts";

/** Characters of an error in a log line. A dead letter has more. */
const MAX_ERROR = 500;

type Journal = {
  /** Logs one line for each message that is not done; repeats only at level debug. */
  settled: (settled: Settled) => void;
  /** Logs one line for the batch, with the number of each outcome. `error`: the batch was handed back. */
  ended: (error?: unknown) => void;
};

/** Logs and counts the outcomes of one batch. `now` returns epoch ms. */
export function journal({
  name,
  queue,
  size,
  log,
  metrics,
  now,
}: {
  /** The function. */
  name: string;
  queue: string;
  size: number;
  log: Pick<Logger, "debug" | "info" | "warn" | "error">;
  metrics: Metrics;
  now: () => number;
}): Journal {
  const startedAt = now();
  const outcomes: Partial<Record<Outcome["kind"], number>> = {};
  let oldestAt: number | undefined;

  return {
    settled({ delivery, event, outcome }) {
      const happenedAt = event === undefined ? undefined : Date.parse(event.timestamp);
      if (happenedAt !== undefined) oldestAt = Math.min(oldestAt ?? happenedAt, happenedAt);
      const ageSeconds = happenedAt === undefined ? undefined : (now() - happenedAt) / 1_000;
      outcomes[outcome.kind] = (outcomes[outcome.kind] ?? 0) + 1;
      metrics.settled({ name, kind: outcome.kind, ageSeconds });
      if (outcome.kind === "done") return;

      const line = {
        function: name,
        id: event?.id,
        source: event?.source,
        type: event?.type,
        tenant: event?.tenant_id,
        attempt: delivery.attempt,
        outcome: outcome.kind,
        ...("reason" in outcome && {
          reason: outcome.reason,
          error: outcome.error.slice(0, MAX_ERROR),
        }),
        duration_ms: now() - startedAt,
      };
      log[LEVEL[outcome.kind]](line, `message ${outcome.kind}`);
    },

    ended(error) {
      const duration = now() - startedAt;
      const line = {
        function: name,
        queue,
        size,
        outcomes,
        duration_ms: duration,
        oldest_age_ms: oldestAt === undefined ? undefined : now() - oldestAt,
      };
      const result = error === undefined ? "settled" : "thrown";
      metrics.batch({ name, result, size, seconds: duration / 1_000 });
      if (error === undefined) log.info(line, "batch settled");
      else log.warn({ ...line, err: error }, "batch handed back");
    },
  };
}

const LEVEL = {
  // A batch may have hundreds of repeats. The line of the batch counts them.
  duplicate: "debug",
  superseded: "debug",
  defer: "info",
  retry: "warn",
  uncertain: "error",
  dead: "error",
} as const;

/**
 * The same consumer, but it logs and counts its sink's outages. The pipeline probes a sink only while it
 * holds a batch, so a failed probe starts a hold, and the sink's next success ends it. Both are logged
 * once. Nothing else logs an outage that the batch outlasts.
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
        // An interrupted probe says nothing about the sink.
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

/** The same ledger, but it counts writes and failures under the function's name. */
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
    look: (events) => watched(ledger.look(events)),
    async swap(changes) {
      const verdicts = await watched(ledger.swap(changes));
      const written = changes.filter((_, index) => verdicts[index]?.written);
      const states = new Map<RowState, number>();
      for (const { over, to } of written) {
        const state = (to?.state ?? "removed") as RowState;
        states.set(state, (states.get(state) ?? 0) + 1);
        if (to?.state === "claimed") countClaim(to, over);
      }
      for (const [state, count] of states) metrics.rows({ name, state, count });
      return verdicts;
    },
    async complete(changes) {
      const standing = await watched(ledger.complete(changes));
      const count = standing.filter((row) => row === undefined).length;
      if (count > 0) metrics.rows({ name, state: "done", count });
      return standing;
    },
  };

  function countClaim(to: Claimed, over: Change["over"]): void {
    const before = over?.state === "claimed" ? over : undefined;
    // The owner also changes its own claim: it marks a send, or removes a crash. That is no new claim.
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
