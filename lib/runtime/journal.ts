import type { Logger } from "../log.ts";
import type { Metrics } from "./metrics.ts";
import type { Outcome, Settled } from "../pipeline/message.ts";

/** Enough to recognise an error; a dead letter carries more of it. */
const MAX_ERROR = 500;

export type Journal = {
  /** One line for each message that is not done; for repeats only at level debug. */
  settled: (settled: Settled) => void;
  /** One line for the batch, with its outcomes counted; `error` when it was handed back. */
  ended: (error?: unknown) => void;
};

/** Writes down and counts what becomes of one batch. Times are epoch ms from `now`. */
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
  // A batch may hold hundreds of repeats: its own line counts them.
  duplicate: "debug",
  superseded: "debug",
  defer: "info",
  retry: "warn",
  uncertain: "error",
  dead: "error",
} as const;
