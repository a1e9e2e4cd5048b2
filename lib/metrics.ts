import { collectDefaultMetrics, Counter, Histogram, Registry } from "prom-client";

/** What Warren counts, with one recorder per happening. All times in seconds. */
export type Metrics = {
  registry: Registry;
  /** An answered request to accept an event. */
  request(answer: { code: number; seconds: number }): void;
  /** A batch that was handed to a function: all of it settled, or (`thrown`) none of it acked. */
  batch(run: { name: string; result: "settled" | "thrown"; size: number; seconds: number }): void;
  /** A message whose outcome was decided; `ageSeconds` since it happened, if it could be read. */
  settled(message: { name: string; kind: string; ageSeconds: number | undefined }): void;
};

const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BATCH_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];
/** Up to a day: an event that waited out an outage is as old as the outage. */
const AGE_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400];
const SIZE_BUCKETS = [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 10_000];

/** One registry per process, with Node's own metrics (memory, event loop) beside ours. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const requests = new Counter({
    name: "warren_ingest_requests_total",
    help: "Requests to accept an event, by the status they were answered with.",
    labelNames: ["code"],
    registers,
  });
  const requestSeconds = new Histogram({
    name: "warren_ingest_request_seconds",
    help: "Time from a request to its answer, the broker's confirm included.",
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const batches = new Counter({
    name: "warren_batches_total",
    help: "Batches, by whether all messages were settled or the batch was handed back.",
    labelNames: ["function", "result"],
    registers,
  });
  const batchMessages = new Histogram({
    name: "warren_batch_messages",
    help: "Messages in a batch.",
    labelNames: ["function"],
    buckets: SIZE_BUCKETS,
    registers,
  });
  const batchSeconds = new Histogram({
    name: "warren_batch_seconds",
    help: "Time a batch took.",
    labelNames: ["function"],
    buckets: BATCH_BUCKETS,
    registers,
  });
  const outcomes = new Counter({
    name: "warren_outcomes_total",
    help: "Messages, by what became of them.",
    labelNames: ["function", "kind"],
    registers,
  });
  const age = new Histogram({
    name: "warren_event_age_seconds",
    help: "Time from an event's timestamp to its outcome: how far a function lags behind.",
    labelNames: ["function"],
    buckets: AGE_BUCKETS,
    registers,
  });

  return {
    registry,
    request({ code, seconds }) {
      requests.inc({ code });
      requestSeconds.observe(seconds);
    },
    batch({ name, result, size, seconds }) {
      batches.inc({ function: name, result });
      batchMessages.observe({ function: name }, size);
      batchSeconds.observe({ function: name }, seconds);
    },
    settled({ name, kind, ageSeconds }) {
      outcomes.inc({ function: name, kind });
      if (ageSeconds !== undefined) age.observe({ function: name }, ageSeconds);
    },
  };
}
