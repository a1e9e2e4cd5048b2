import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
  type LabelValues,
} from "prom-client";

/**
 * Warren's metrics, one function for each thing that is counted. Times are in seconds. Labels have few
 * values, because CloudWatch bills each combination as a metric. docs/metrics.md lists all metrics.
 */
export type Metrics = {
  registry: Registry;
  /** The observations since the last call; empty without `keepSamples`. */
  takeSamples: () => Sample[];
  /** Announces a function with a queue. Its counters start at 0, so that alerts see the first increase. */
  consumer(one: { name: string }): void;
  /** The same for a function with a schedule. */
  schedule(one: { name: string }): void;
  /** An answered request to accept an event. */
  request(answer: { code: number; seconds: number }): void;
  /** A batch that was handed to a function: all of it settled, or (`thrown`) none of it acked. */
  batch(run: { name: string; result: "settled" | "thrown"; size: number; seconds: number }): void;
  /** A message with an outcome. `ageSeconds` since its event happened, if the event could be read. */
  settled(message: { name: string; kind: string; ageSeconds: number | undefined }): void;
  /** A message that was deliberately not sent; `why` is such as `opted out`. */
  skipped(message: { name: string; why: string }): void;
  /** A copy sent to a retry queue; `tier` is the wait in the queue's name, such as 30s. */
  retried(copy: { name: string; tier: string }): void;
  /** Whether a function holds its batch because its sink is down. */
  sink(state: { name: string; down: boolean }): void;
  /** Rows of the ledger that were written, by the state they have now. */
  rows(written: { name: string; state: RowState; count: number }): void;
  /** `retaken`: this process had the claim before; `takeover`: another process had it. */
  claimed(claim: { name: string; kind: ClaimKind }): void;
  /** A claim whose process probably crashed. */
  crashed(claim: { name: string }): void;
  /** A ledger that could not be opened, read or written. */
  ledgerFailed(failure: { name: string }): void;
  /** A message is handed to the broker. Call the returned function with the broker's answer. */
  publishing(message: { name: string }): (result: PublishResult) => void;
  /** A run of a function on a schedule. */
  scheduled(run: { name: string; result: "ended" | "failed"; seconds: number }): void;
};

export type RowState = "done" | "claimed" | "forwarded" | "removed";
export type ClaimKind = "fresh" | "retaken" | "takeover";
export type PublishResult =
  | "confirmed"
  | "refused"
  | "unroutable"
  | "unknown"
  | "unavailable"
  | "failed";

/** One observation of a histogram. */
type Sample = { metric: string; labels: Labels; value: number };
export type Labels = Record<string, string | number>;

const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BATCH_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];
/** Up to a day: an event that waited out an outage is as old as the outage. */
const AGE_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400];
const SIZE_BUCKETS = [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 10_000];

/** One registry per process. */
export function createMetrics({
  keepSamples = false,
}: {
  /**
   * True for CloudWatch, whose percentiles need single values: observations are kept for `takeSamples`.
   * False also collects Node's own metrics (memory, event loop).
   */
  keepSamples?: boolean;
} = {}): Metrics {
  const registry = new Registry();
  const samples: Sample[] = [];
  if (!keepSamples) collectNodeMetrics(registry);

  const counter = <Name extends string>(name: string, help: string, labelNames: Name[]) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const gauge = <Name extends string>(name: string, help: string, labelNames: Name[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const histogram = <Name extends string>(
    name: string,
    help: string,
    labelNames: Name[],
    buckets: number[],
  ) => {
    const prometheus = new Histogram({ name, help, labelNames, buckets, registers: [registry] });
    return (labels: LabelValues<Name>, exact: number) => {
      // Rounded to microseconds: CloudWatch bills by size.
      const value = Math.round(exact * 1e6) / 1e6;
      prometheus.observe(labels, value);
      if (keepSamples) samples.push({ metric: name, labels: labels as Labels, value });
    };
  };

  const requests = counter(
    "warren_ingest_requests_total",
    "Requests that post an event, by the status of the answer.",
    ["code"],
  );
  const requestSeconds = histogram(
    "warren_ingest_request_seconds",
    "Time from a request to its answer, including the broker's confirm.",
    [],
    REQUEST_BUCKETS,
  );
  const batches = counter(
    "warren_batches_total",
    "Batches, by whether all messages were settled or the batch was handed back.",
    ["function", "result"],
  );
  const batchMessages = histogram(
    "warren_batch_messages",
    "Messages in a batch.",
    ["function"],
    SIZE_BUCKETS,
  );
  const batchSeconds = histogram(
    "warren_batch_seconds",
    "Time a batch took.",
    ["function"],
    BATCH_BUCKETS,
  );
  const outcomes = counter("warren_outcomes_total", "Messages, by outcome.", ["function", "kind"]);
  const age = histogram(
    "warren_event_age_seconds",
    "Time from an event's timestamp to its outcome: the lag of a function.",
    ["function"],
    AGE_BUCKETS,
  );
  const skips = counter(
    "warren_sends_skipped_total",
    "Messages that a channel deliberately did not send, by the reason.",
    ["function", "why"],
  );
  const retries = counter("warren_retries_total", "Copies sent to a retry queue, by its wait.", [
    "function",
    "tier",
  ]);
  const sinkDown = gauge(
    "warren_sink_down",
    "1 while a function holds its batch because its sink is down.",
    ["function"],
  );
  const ledgerRows = counter(
    "warren_ledger_rows_total",
    "Rows of the ledger written, by their new state.",
    ["function", "state"],
  );
  const claims = counter(
    "warren_ledger_claims_total",
    "Claims: fresh, retaken by the same process, taken over from another process.",
    ["function", "kind"],
  );
  const crashes = counter("warren_ledger_crashes_total", "Claims whose process probably crashed.", [
    "function",
  ]);
  const ledgerErrors = counter(
    "warren_ledger_errors_total",
    "Failed calls to the ledger. The broker redelivers their batches.",
    ["function"],
  );
  const publishes = counter(
    "warren_publishes_total",
    "Messages handed to the broker, by its verdict.",
    ["function", "result"],
  );
  const inFlight = gauge(
    "warren_publishes_in_flight",
    "Messages handed to the broker that have no verdict yet.",
    ["function"],
  );
  const runs = counter("warren_scheduled_runs_total", "Runs of a function on a schedule.", [
    "function",
    "result",
  ]);
  const runSeconds = histogram(
    "warren_scheduled_run_seconds",
    "Time a scheduled run took.",
    ["function"],
    BATCH_BUCKETS,
  );

  return {
    registry,
    takeSamples: () => samples.splice(0),
    consumer({ name }) {
      for (const result of ["settled", "thrown"]) batches.inc({ function: name, result }, 0);
      ledgerErrors.inc({ function: name }, 0);
      sinkDown.set({ function: name }, 0);
    },
    schedule({ name }) {
      for (const result of ["ended", "failed"]) runs.inc({ function: name, result }, 0);
    },
    request({ code, seconds }) {
      requests.inc({ code });
      requestSeconds({}, seconds);
    },
    batch({ name, result, size, seconds }) {
      batches.inc({ function: name, result });
      batchMessages({ function: name }, size);
      batchSeconds({ function: name }, seconds);
    },
    settled({ name, kind, ageSeconds }) {
      outcomes.inc({ function: name, kind });
      if (ageSeconds !== undefined) age({ function: name }, ageSeconds);
    },
    skipped: ({ name, why }) => skips.inc({ function: name, why }),
    retried: ({ name, tier }) => retries.inc({ function: name, tier }),
    sink: ({ name, down }) => sinkDown.set({ function: name }, down ? 1 : 0),
    rows: ({ name, state, count }) => ledgerRows.inc({ function: name, state }, count),
    claimed: ({ name, kind }) => claims.inc({ function: name, kind }),
    crashed: ({ name }) => crashes.inc({ function: name }),
    ledgerFailed: ({ name }) => ledgerErrors.inc({ function: name }),
    publishing({ name }) {
      inFlight.inc({ function: name });
      return (result) => {
        inFlight.dec({ function: name });
        publishes.inc({ function: name, result });
      };
    },
    scheduled({ name, result, seconds }) {
      runs.inc({ function: name, result });
      runSeconds({ function: name }, seconds);
    },
  };
}

/** `promtool check metrics` rejects these gauges, because their names end like those of counters. */
const MISNAMED = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

function collectNodeMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
}
