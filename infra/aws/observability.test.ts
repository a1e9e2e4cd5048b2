import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { readDeclaration } from "../../lib/host/declaration.ts";
import { emfReader } from "../../lib/runtime/emf.ts";
import { createMetrics } from "../../lib/runtime/metrics.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { keyOf, readEmf } from "../../tests/emf.ts";
import { ALARMS } from "../alarms/catalogue.ts";
import { readConsumers, ROOT } from "../rabbitmq/consumers.ts";
import { observability } from "./observability.ts";
import type { ObservedFunction, Resources } from "./watched.ts";
import { lambdaId, type Metric } from "./watched.ts";

type Alarm = Partial<Metric> & {
  AlarmName: string;
  AlarmDescription: string;
  AlarmActions: unknown[];
  OKActions: unknown[];
  TreatMissingData: string;
  Metrics?: { MetricStat?: { Metric: Metric }; Expression?: string }[];
};
type Widget = { type: string; properties: { title: string; metrics: unknown[][] } };

const stage = "prod";
const functions = (await readDeclaration(ROOT)).map(
  ({ name, trigger, timeoutMs }): ObservedFunction => ({
    name,
    kind: trigger.kind,
    timeoutSeconds: timeoutMs / 1_000,
    ...(trigger.kind === "queue" && { queue: trigger.queue }),
  }),
);
const consumers = await readConsumers();
const queues = topologyOf({ consumers, retryDelays: [5_000, 60_000] }).queues.map(
  ({ name }) => name,
);
const resources = observability({ functions, queues, stage });
const alarms = alarmsIn(resources);
const widgets = widgetsIn(resources);

function alarmsIn(all: Resources): Alarm[] {
  return Object.values(all)
    .filter(({ Type }) => Type === "AWS::CloudWatch::Alarm")
    .map(({ Properties }) => Properties as Alarm);
}

function widgetsIn(all: Resources): Widget[] {
  const body = all["Dashboard"]!.Properties["DashboardBody"] as { "Fn::Sub": string };
  return (JSON.parse(body["Fn::Sub"]) as { widgets: Widget[] }).widgets;
}

/** What functions would write, once everything that they count has happened. */
async function emitted(): Promise<Set<string>> {
  const metrics = createMetrics({ keepSamples: true });
  for (const code of [202, 400, 401, 403, 408, 413, 415, 422, 503]) {
    metrics.request({ code, seconds: 0.1 });
  }
  for (const { name, kind } of functions) {
    if (kind === "queue") {
      metrics.consumer({ name });
      metrics.ledgerFailed({ name });
      metrics.batch({ name, result: "settled", size: 1, seconds: 1 });
      const kinds = ["done", "duplicate", "superseded", "retry", "defer", "dead", "uncertain"];
      for (const outcome of kinds) metrics.settled({ name, kind: outcome, ageSeconds: 1 });
    }
    if (kind === "schedule") {
      metrics.scheduled({ name, result: "ended", seconds: 1 });
      metrics.scheduled({ name, result: "failed", seconds: 1 });
    }
  }
  const documents = await emfReader(metrics)({ namespace: "Warren/prod", timestamp: 1 });
  return new Set(readEmf(documents.map((one) => JSON.stringify(one))).map(keyOf));
}

function metricsOf(alarm: Alarm): Metric[] {
  if (alarm.Metrics === undefined) return [alarm as Metric];
  return alarm.Metrics.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []);
}

function metricOf([namespace, metric, ...rest]: unknown[]): Metric {
  const pairs = rest.slice(0, -1) as string[];
  const names = pairs.filter((_, index) => index % 2 === 0);
  return {
    Namespace: namespace as string,
    MetricName: metric as string,
    Dimensions: names.map((Name, index) => ({ Name, Value: pairs[2 * index + 1]! })),
  };
}

function keyOfMetric({ Namespace, MetricName, Dimensions }: Metric): string {
  const dimensions = Object.fromEntries(
    Dimensions.map(({ Name, Value }) => [Name, Value as string]),
  );
  return keyOf({ namespace: Namespace, metric: MetricName, dimensions });
}

/** functions/queue-metrics writes these, and compares them itself. */
const isOfQueue = ({ MetricName }: Metric) => /^warren_(queue|broker)_/.test(MetricName);
const isOurs = ({ Namespace }: Metric) => Namespace !== "AWS/Lambda";

test("every alarm and every graph watches what functions really write", async () => {
  const known = await emitted();
  const watched = [
    ...alarms.flatMap(metricsOf),
    ...widgets.flatMap(({ properties }) => properties.metrics.map(metricOf)),
  ].filter((metric) => isOurs(metric) && !isOfQueue(metric));
  expect(watched.length).toBeGreaterThan(4 * functions.length);
  expect(watched.map(keyOfMetric).filter((key) => !known.has(key))).toEqual([]);
});

test("what is Lambda's own is watched by the logical ids that osls gives", async () => {
  const file = join(ROOT, "node_modules/osls/lib/plugins/aws/lib/naming.js");
  const { default: naming } = (await import(pathToFileURL(file).href)) as {
    default: { getLambdaLogicalId: (name: string) => string };
  };
  for (const { name } of functions) expect(lambdaId(name)).toBe(naming.getLambdaLogicalId(name));

  const ofLambda = alarms.flatMap(metricsOf).filter((metric) => !isOurs(metric));
  const ids = ofLambda.map(({ Dimensions }) => (Dimensions[0]!.Value as { Ref: string }).Ref);
  expect(new Set(ids)).toEqual(new Set(functions.map(({ name }) => lambdaId(name))));
});

test("the metrics of a function bear its name in serverless.yml", async () => {
  const declared = await readDeclaration(ROOT);
  for (const { name, file, trigger } of declared) {
    if (trigger.kind !== "queue") continue;
    const consumer = (await import(pathToFileURL(join(file, "../consumer.ts")).href)) as object;
    expect(consumer).toMatchObject({ name });
  }
});

test("every function and every queue has an alarm and a graph", () => {
  const all = [...functions.map((one) => one.name), ...queues];
  expect(all).toContain("events.unconsumed");
  const hasAlarm = (name: string) => alarms.some(({ AlarmName }) => AlarmName.endsWith(`-${name}`));
  const hasGraph = (name: string) =>
    widgets.some(({ properties: { title } }) => title === name || title.startsWith(`${name}:`));
  expect(all.filter((name) => !hasAlarm(name))).toEqual([]);
  expect(all.filter((name) => !hasGraph(name))).toEqual([]);
});

/** One function of each kind, whatever functions there are. */
const EXAMPLE: ObservedFunction[] = [
  { name: "ingest", kind: "http", timeoutSeconds: 15 },
  { name: "graph-projector", kind: "queue", timeoutSeconds: 60, queue: "events.graph" },
  { name: "graph-prune", kind: "schedule", timeoutSeconds: 300 },
  { name: "queue-metrics", kind: "schedule", timeoutSeconds: 30 },
];
const EXAMPLE_QUEUES = topologyOf({
  consumers: [{ queue: "events.graph", accepts: ["order.created"] }],
  retryDelays: [5_000, 60_000],
}).queues.map(({ name }) => name);

test("has the alarms, each with its thresholds and what silence means", () => {
  const example = alarmsIn(observability({ functions: EXAMPLE, queues: EXAMPLE_QUEUES, stage }));
  const own = example.map((alarm) => {
    const one = alarm as unknown as Record<string, string | number>;
    const limit = one["Threshold"] ?? "band";
    const times = `${one["DatapointsToAlarm"]}/${one["EvaluationPeriods"]}`;
    const each = one["Period"] ?? 300;
    return `${alarm.AlarmName} ${one["ComparisonOperator"]} ${limit} ${times}x${each}s ${alarm.TreatMissingData}`;
  });
  const of = (name: string) => own.filter((line) => line.includes(`-${name}`));
  expect(of("queue-too-deep-events.graph ")).toEqual([
    "warren-prod-queue-too-deep-events.graph GreaterThanThreshold 10000 5/5x60s ignore",
  ]);
  expect(of("queue-without-consumer")).toEqual([
    "warren-prod-queue-without-consumer-events.graph LessThanThreshold 1 3/3x60s breaching",
  ]);
  expect(of("queue-unacked")).toEqual([
    "warren-prod-queue-unacked-events.graph GreaterThanThreshold 1000 10/10x60s ignore",
  ]);
  expect(of("queue-half-full")).toEqual([
    "warren-prod-queue-half-full-events.unconsumed GreaterThanOrEqualToThreshold 0.5 5/5x60s ignore",
    "warren-prod-queue-half-full-events.graph GreaterThanOrEqualToThreshold 0.5 5/5x60s ignore",
    ...["1s", "5s", "30s", "1m", "5m"].map(
      (wait) =>
        `warren-prod-queue-half-full-events.graph.retry.${wait} GreaterThanOrEqualToThreshold 0.5 5/5x60s ignore`,
    ),
  ]);
  expect(of("dead-letters")).toEqual([
    "warren-prod-dead-letters-dead.events.graph GreaterThanThreshold 0 1/1x60s ignore",
  ]);
  expect(of("unconsumed-events")).toEqual([
    "warren-prod-unconsumed-events-events.unconsumed GreaterThanThreshold 0 1/1x60s ignore",
  ]);
  expect(of("queue-rate-unusual")).toEqual([
    "warren-prod-queue-rate-unusual-events.graph LessThanLowerOrGreaterThanUpperThreshold band 3/3x300s ignore",
  ]);
  expect(of("events-late")).toEqual([
    "warren-prod-events-late-graph-projector GreaterThanThreshold 900 2/2x300s notBreaching",
  ]);
  expect(of("sink-down")).toEqual([
    "warren-prod-sink-down-graph-projector GreaterThanOrEqualToThreshold 1 3/3x60s ignore",
  ]);
  expect(of("ledger-failing")).toEqual([
    "warren-prod-ledger-failing-graph-projector GreaterThanThreshold 0 3/5x60s notBreaching",
  ]);
  expect(of("function-failing").slice(0, 3)).toEqual([
    "warren-prod-function-failing-ingest GreaterThanThreshold 0 3/5x60s notBreaching",
    "warren-prod-function-failing-graph-projector GreaterThanThreshold 0 3/5x60s notBreaching",
    "warren-prod-function-failing-graph-prune GreaterThanThreshold 0 1/1x300s notBreaching",
  ]);
  expect(of("function-throttled")).toHaveLength(EXAMPLE.length);
  expect(of("ingest-failing")).toEqual([
    "warren-prod-ingest-failing GreaterThanThreshold 0 3/5x60s notBreaching",
  ]);
  expect(of("broker-silent")).toEqual([
    "warren-prod-broker-silent LessThanThreshold 1 3/3x60s breaching",
  ]);
});

test("an outage is awaited as long as the function can hold a batch", () => {
  const slow: ObservedFunction = { name: "slow", kind: "queue", timeoutSeconds: 840, queue: "q" };
  const all = observability({ functions: [slow], queues: [], stage });
  expect(all["AlarmSinkDownSlow"]?.Properties).toMatchObject({
    Period: 840,
    EvaluationPeriods: 1,
  });
});

test("dead letters and unconsumed events are watched even if nobody names them", () => {
  const all = observability({ functions: [], queues: ["events.mail"], stage });
  expect(Object.keys(all)).toEqual(
    expect.arrayContaining([
      "AlarmDeadLettersDeadEventsMail",
      "AlarmUnconsumedEventsEventsUnconsumed",
    ]),
  );
});

test("names that CloudFormation could not tell apart are refused", () => {
  const names = ["events.a-b", "events.a.b"];
  expect(() => observability({ functions: [], queues: names, stage })).toThrow(
    "two alarms would be AlarmQueueTooDeepEventsAB: rename events.a.b",
  );
});

test("every alarm tells people what it means, what to do first, and that it is over", () => {
  const topic = [{ Ref: "AlarmTopic" }];
  for (const alarm of alarms) {
    expect(alarm).toMatchObject({ AlarmActions: topic, OKActions: topic });
    expect(alarm.AlarmDescription).toMatch(/^.+ First: .+ More: docs\/operations\.md#[\w-]+$/);
    expect(alarm.AlarmDescription.length).toBeLessThanOrEqual(1_024);
  }
  const example = alarmsIn(observability({ functions: EXAMPLE, queues: EXAMPLE_QUEUES, stage }));
  const used = new Set(example.map(({ AlarmDescription: text }) => text.replace(/.*#/, "")));
  // A host's processes are no matter of CloudWatch.
  const expected = Object.keys(ALARMS).filter((name) => name !== "function-not-running");
  expect([...used].sort()).toEqual(expected.sort());
});

test("only CloudWatch of this account speaks to the topic, which is encrypted", () => {
  const { Statement } = resources["AlarmTopicPolicy"]!.Properties["PolicyDocument"] as {
    Statement: object[];
  };
  expect(Statement).toEqual([
    {
      Sid: "AlarmsSpeak",
      Effect: "Allow",
      Principal: { Service: "cloudwatch.amazonaws.com" },
      Action: "sns:Publish",
      Resource: { Ref: "AlarmTopic" },
      Condition: { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } },
    },
  ]);
  expect(resources["AlarmTopic"]!.Properties["KmsMasterKeyId"]).toEqual({ Ref: "AlarmKey" });
});
