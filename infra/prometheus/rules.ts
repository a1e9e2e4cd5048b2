import { stringify } from "yaml";
import { ALARMS, type AlarmName, runbookOf } from "../alarms/catalogue.ts";
import { THRESHOLDS } from "../alarms/thresholds.ts";

type Rule = {
  alert: AlarmName;
  expr: string;
  for: string;
  annotations: { summary: string; description: string; runbook: string };
};

/** The kinds of kindOf (infra/alarms/queues.ts) as Prometheus matchers. */
const DEAD = 'queue=~"dead[.].+"';
const UNCONSUMED = 'queue="events.unconsumed"';
const RETRY = ".+[.]retry[.][0-9]+(ms|s|m|h)";
const HELD = 'queue!~"dead[.].+|events[.]unconsumed"';
const WORK = `queue!~"dead[.].+|events[.]unconsumed|${RETRY}"`;

/** No `for`: the expression itself looks back. */
const AT_ONCE = 0;

/**
 * CloudWatch's alarms for containers, with the same thresholds. Several hosts may report the same
 * queue, hence `max by`. Counters restart with their process, hence `increase`.
 */
export function alertRules(): { groups: { name: string; rules: Rule[] }[] } {
  const { depth, consumers, unacked, fill, kept, age, outage, broker, failures, baseline } =
    THRESHOLDS;
  const ofQueue = (alert: AlarmName, minutes: number, condition: string) =>
    rule(alert, minutes, [condition], "queue");
  const ofFunction = (alert: AlarmName, minutes: number, ...conditions: string[]) =>
    rule(alert, minutes, conditions, "function");
  const perQueue = (metric: string, matcher: string) =>
    `max by (queue) (warren_queue_${metric}{${matcher}})`;
  const grown = (by: string, metric: string, minutes: number) =>
    `sum by (${by}) (increase(${metric}[${minutes}m])) > 0`;
  // One minute may contain one sample only, which shows no increase. So a window has two minutes, and
  // a single failure counts twice.
  const failing = (by: string, metric: string) =>
    `count_over_time((${grown(by, metric, 2)})[${failures.of}m:1m]) >= ${failures.minutes}`;

  return {
    groups: [
      {
        name: "warren-queues",
        rules: [
          ofQueue(
            "queue-too-deep",
            depth.minutes,
            `${perQueue("messages_ready", HELD)} > ${depth.limit}`,
          ),
          ofQueue(
            "queue-without-consumer",
            consumers.minutes,
            `${perQueue("consumers", WORK)} == ${consumers.limit}`,
          ),
          ofQueue(
            "queue-unacked",
            unacked.minutes,
            `${perQueue("messages_unacked", WORK)} > ${unacked.limit}`,
          ),
          ofQueue(
            "queue-half-full",
            fill.minutes,
            `max by (queue) (warren_queue_fill_ratio) >= ${fill.limit}`,
          ),
          ofQueue(
            "dead-letters",
            kept.minutes,
            `${perQueue("messages_ready", DEAD)} > ${kept.limit}`,
          ),
          ofQueue(
            "unconsumed-events",
            kept.minutes,
            `${perQueue("messages_ready", UNCONSUMED)} > ${kept.limit}`,
          ),
          ofQueue("queue-rate-unusual", baseline.minutes, unusual(baseline.limit)),
          rule("broker-silent", broker.minutes, [
            "max(warren_broker_up) == 0",
            "absent(warren_broker_up)",
          ]),
        ],
      },
      {
        name: "warren-functions",
        rules: [
          ofFunction(
            "events-late",
            age.minutes,
            `histogram_quantile(0.99, sum by (function, le) ` +
              `(rate(warren_event_age_seconds_bucket[${failures.of}m]))) > ${age.limit}`,
          ),
          ofFunction("sink-down", outage.minutes, "max by (function) (warren_sink_down) == 1"),
          ofFunction("ledger-failing", AT_ONCE, failing("function", "warren_ledger_errors_total")),
          ofFunction(
            "function-failing",
            AT_ONCE,
            failing("function", 'warren_batches_total{result="thrown"}'),
            // A function that runs every hour fails at most once an hour.
            grown("function", 'warren_scheduled_runs_total{result="failed"}', failures.of),
          ),
          ofFunction(
            "function-not-running",
            failures.minutes,
            "sum by (function) (warren_host_workers_ready) == 0",
          ),
          rule("ingest-failing", AT_ONCE, [
            failing("code", 'warren_ingest_requests_total{code="503"}'),
          ]),
        ],
      },
    ],
  };
}

/** The text of alerts.yml. */
export function alertsFile(): string {
  const header =
    "# Prometheus alert rules. Written by `npm run alerts` from infra/alarms and rules.ts: change those.\n";
  return header + stringify(alertRules(), { lineWidth: 0 });
}

function rule(
  alert: AlarmName,
  minutes: number,
  conditions: readonly string[],
  subject?: "queue" | "function",
): Rule {
  const { means, first } = ALARMS[alert];
  return {
    alert,
    expr: conditions.join(" or "),
    for: `${minutes}m`,
    annotations: {
      summary: subject === undefined ? means : `{{ $labels.${subject} }}: ${means}`,
      description: first,
      runbook: runbookOf(alert),
    },
  };
}

/**
 * Compares the last 15 minutes with the week before. Unlike CloudWatch's model it ignores the time of
 * day. Silent until there are 1,000 samples, which takes 17 hours.
 */
function unusual(deviations: number): string {
  const recent = `max by (queue) (avg_over_time(warren_queue_published_per_second{${WORK}}[15m]))`;
  const past = (statistic: string) =>
    `max by (queue) (${statistic}_over_time(warren_queue_published_per_second{${WORK}}[7d] offset 1h))`;
  return `abs(${recent} - ${past("avg")}) > ${deviations} * ${past("stddev")} and ${past("count")} > 1000`;
}
