import { ALARMS, type AlarmName, runbookOf } from "../alarms/catalogue.ts";
import { kindOf } from "../alarms/queues.ts";
import { THRESHOLDS } from "../alarms/thresholds.ts";
import {
  lambdaMetric,
  type Metric,
  type Observed,
  type ObservedFunction,
  ownMetric,
  type Resources,
  TOPIC_ID,
} from "./watched.ts";

const MINUTE = 60;

/**
 * What to do about minutes without data:
 * - `breaching`: missing data is the problem itself;
 * - `notBreaching`: the metric only exists during the problem;
 * - `ignore`: keep the state, because a broker or function that reports nothing has not recovered.
 */
type Silence = "breaching" | "notBreaching" | "ignore";

type Condition = {
  comparison: "GreaterThanThreshold" | "GreaterThanOrEqualToThreshold" | "LessThanThreshold";
  limit: number;
  statistic: "Sum" | "Maximum" | "Minimum" | "p99";
  /** Seconds per value. */
  period?: number;
  /** How many of the last `of` values must be beyond the limit. */
  times: number;
  of?: number;
  silence: Silence;
};

/** An alarm for everything that needs a person. Every function and every queue has separate alarms. */
export function alarmsOf({ functions, queues, stage, namespace }: Observed): Resources {
  const resources: Resources = {};
  const own = (metric: string, dimensions: Record<string, string>) =>
    ownMetric(namespace, metric, dimensions);

  function add(name: AlarmName, subject: string, properties: object): void {
    const id = `Alarm${alphanumeric(name)}${alphanumeric(subject)}`;
    if (id in resources) throw new Error(`two alarms would be ${id}: rename ${subject}`);
    const { means, first } = ALARMS[name];
    resources[id] = {
      Type: "AWS::CloudWatch::Alarm",
      Properties: {
        AlarmName: `warren-${stage}-${name}${subject && `-${subject}`}`,
        AlarmDescription: `${means} First: ${first} More: ${runbookOf(name)}`,
        AlarmActions: [{ Ref: TOPIC_ID }],
        OKActions: [{ Ref: TOPIC_ID }],
        ...properties,
      },
    };
  }
  const watch = (name: AlarmName, subject: string, metric: Metric, condition: Condition) =>
    add(name, subject, watching(metric, condition));

  for (const one of functions) {
    watchFunction(one);
    if (one.kind === "queue") watchConsumer(one);
    if (one.name === "ingest") watchIngest();
  }
  for (const queue of queues) watchQueue(queue);
  watch("broker-silent", "", own("warren_broker_up", {}), {
    comparison: "LessThanThreshold",
    limit: 1,
    statistic: "Minimum",
    times: THRESHOLDS.broker.minutes,
    silence: "breaching",
  });
  return resources;

  function watchFunction({ name, kind, timeoutSeconds }: ObservedFunction): void {
    const failing: Condition = {
      comparison: "GreaterThanThreshold",
      limit: 0,
      statistic: "Sum",
      ...failures(periodOf(timeoutSeconds)),
      silence: "notBreaching",
    };
    // An hourly function can fail only once an hour.
    const once = { period: 5 * MINUTE, times: 1, of: 1 };
    watch("function-failing", name, lambdaMetric("Errors", name), {
      ...failing,
      ...(kind === "schedule" && once),
    });
    watch("function-throttled", name, lambdaMetric("Throttles", name), {
      ...failing,
      ...failures(MINUTE),
    });
  }

  function watchConsumer({ name, timeoutSeconds }: ObservedFunction): void {
    const period = periodOf(timeoutSeconds);
    watch("events-late", name, own("warren_event_age_seconds", { function: name }), {
      comparison: "GreaterThanThreshold",
      limit: THRESHOLDS.age.limit,
      statistic: "p99",
      period: 5 * MINUTE,
      times: THRESHOLDS.age.minutes / 5,
      silence: "notBreaching",
    });
    // A function holds its batch until its time is nearly over, and only then reports it.
    watch("sink-down", name, own("warren_sink_down", { function: name }), {
      comparison: "GreaterThanOrEqualToThreshold",
      limit: 1,
      statistic: "Maximum",
      period,
      times: Math.max(1, Math.ceil((THRESHOLDS.outage.minutes * MINUTE) / period)),
      silence: "ignore",
    });
    watch("ledger-failing", name, own("warren_ledger_errors_total", { function: name }), {
      comparison: "GreaterThanThreshold",
      limit: 0,
      statistic: "Sum",
      ...failures(period),
      silence: "notBreaching",
    });
  }

  function watchIngest(): void {
    watch("ingest-failing", "", own("warren_ingest_requests_total", { code: "503" }), {
      comparison: "GreaterThanThreshold",
      limit: 0,
      statistic: "Sum",
      ...failures(MINUTE),
      silence: "notBreaching",
    });
  }

  function watchQueue(queue: string): void {
    const gauge = (suffix: string) => own(`warren_queue_${suffix}`, { queue });
    const above = (limit: number, minutes: number): Condition => ({
      comparison: "GreaterThanThreshold",
      limit,
      statistic: "Maximum",
      times: minutes,
      silence: "ignore",
    });
    const kind = kindOf(queue);
    const { depth, consumers, unacked, fill, kept } = THRESHOLDS;

    if (kind === "dead" || kind === "unconsumed") {
      const name = kind === "dead" ? "dead-letters" : "unconsumed-events";
      watch(name, queue, gauge("messages_ready"), above(kept.limit, kept.minutes));
    } else {
      watch("queue-too-deep", queue, gauge("messages_ready"), above(depth.limit, depth.minutes));
    }
    if (kind !== "dead") {
      watch("queue-half-full", queue, gauge("fill_ratio"), {
        ...above(fill.limit, fill.minutes),
        comparison: "GreaterThanOrEqualToThreshold",
      });
    }
    if (kind !== "work") return;
    watch("queue-without-consumer", queue, gauge("consumers"), {
      comparison: "LessThanThreshold",
      limit: consumers.limit + 1,
      statistic: "Maximum",
      times: consumers.minutes,
      // A deleted queue has no consumers either.
      silence: "breaching",
    });
    watch("queue-unacked", queue, gauge("messages_unacked"), above(unacked.limit, unacked.minutes));
    add("queue-rate-unusual", queue, unusual(gauge("published_per_second")));
  }
}

function failures(period: number): { period: number; times: number; of: number } {
  return { period, times: THRESHOLDS.failures.minutes, of: THRESHOLDS.failures.of };
}

/** A function with work writes metrics at least this often. */
function periodOf(timeoutSeconds: number): number {
  return Math.max(1, Math.ceil(timeoutSeconds / MINUTE)) * MINUTE;
}

function watching(metric: Metric, condition: Condition): object {
  const { comparison, limit, statistic, period = MINUTE, times, of = times, silence } = condition;
  return {
    ...metric,
    ...(statistic === "p99" ? { ExtendedStatistic: statistic } : { Statistic: statistic }),
    Period: period,
    EvaluationPeriods: of,
    DatapointsToAlarm: times,
    ComparisonOperator: comparison,
    Threshold: limit,
    TreatMissingData: silence,
  };
}

/** CloudWatch learns the usual values for this hour and day of the week. */
function unusual(metric: Metric): object {
  const period = 5 * MINUTE;
  const times = (THRESHOLDS.baseline.minutes * MINUTE) / period;
  return {
    Metrics: [
      {
        Id: "rate",
        MetricStat: { Metric: metric, Period: period, Stat: "Average" },
        ReturnData: true,
      },
      {
        Id: "usual",
        Expression: `ANOMALY_DETECTION_BAND(rate, ${THRESHOLDS.baseline.limit})`,
        ReturnData: true,
      },
    ],
    ThresholdMetricId: "usual",
    ComparisonOperator: "LessThanLowerOrGreaterThanUpperThreshold",
    EvaluationPeriods: times,
    DatapointsToAlarm: times,
    TreatMissingData: "ignore",
  };
}

/** `queue-too-deep` is `QueueTooDeep`: CloudFormation's names have letters and digits only. */
function alphanumeric(name: string): string {
  return name
    .split(/[^A-Za-z0-9]+/)
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join("");
}
