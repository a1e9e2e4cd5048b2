import type { Outcome } from "../../lib/pipeline/message.ts";
import { kindOf } from "../alarms/queues.ts";
import { THRESHOLDS } from "../alarms/thresholds.ts";
import {
  lambdaMetric,
  type Metric,
  type Observed,
  type ObservedFunction,
  ownMetric,
  type Resource,
} from "./watched.ts";

/** A dashboard has 24 columns. */
const WIDTH = 6;
const HEIGHT = 6;

/** Every outcome with its colour. Red outcomes need a person. */
const OUTCOMES: Record<Outcome["kind"], string> = {
  done: "#2ca02c",
  duplicate: "#98df8a",
  superseded: "#c7c7c7",
  retry: "#ffbb78",
  defer: "#aec7e8",
  dead: "#d62728",
  uncertain: "#9467bd",
};
/** The answers of ingest (functions/ingest/refusals.ts). */
const CODES = ["202", "400", "401", "403", "408", "413", "415", "422", "503"];

type Line = { metric: Metric; statistic: string; label: string; color?: string; right?: true };
type Graph = { title: string; lines: Line[]; stacked?: true; limit?: number };

/** A row of graphs for each function, a graph or more for each queue. */
export function dashboardOf(observed: Observed): Resource {
  const { functions, queues, stage } = observed;
  const rows = [
    ...functions.map((one) => graphsOfFunction(one, observed)),
    ...rowsOf(queues.flatMap((queue) => graphsOfQueue(queue, observed))),
  ];
  const widgets = rows.flatMap((graphs, row) =>
    graphs.map((graph, column) => widgetOf(graph, { x: column * WIDTH, y: row * HEIGHT })),
  );
  return {
    Type: "AWS::CloudWatch::Dashboard",
    Properties: {
      DashboardName: `warren-${stage}`,
      // Only the stack knows functions and region.
      DashboardBody: { "Fn::Sub": JSON.stringify({ widgets }) },
    },
  };
}

function graphsOfFunction({ name, kind }: ObservedFunction, { namespace }: Observed): Graph[] {
  const own = (metric: string, more: Record<string, string> = {}) =>
    ownMetric(namespace, metric, { function: name, ...more });
  const lambda = (metric: string, statistic: string, label: string, more: Partial<Line> = {}) => ({
    metric: lambdaMetric(metric, name),
    statistic,
    label,
    ...more,
  });
  const running: Graph = {
    title: `${name}: errors, duration, concurrency`,
    lines: [
      lambda("Errors", "Sum", "errors", { color: "#d62728" }),
      lambda("Throttles", "Sum", "throttles", { color: "#ff9896" }),
      lambda("ConcurrentExecutions", "Maximum", "concurrency"),
      lambda("Duration", "p99", "duration p99, ms", { right: true }),
    ],
  };
  switch (kind) {
    case "queue":
      return [
        {
          title: `${name}: messages`,
          lines: [{ metric: own("warren_batch_messages"), statistic: "Sum", label: "messages" }],
        },
        {
          title: `${name}: outcomes`,
          stacked: true,
          lines: Object.entries(OUTCOMES).map(([outcome, color]) => ({
            metric: own("warren_outcomes_total", { kind: outcome }),
            statistic: "Sum",
            label: outcome,
            color,
          })),
        },
        {
          title: `${name}: age of events when settled, s`,
          limit: THRESHOLDS.age.limit,
          lines: ["p50", "p99"].map((statistic) => ({
            metric: own("warren_event_age_seconds"),
            statistic,
            label: statistic,
          })),
        },
        running,
      ];
    case "http":
      // The API's access log shows the answers of other HTTP functions.
      if (name !== "ingest") return [running];
      return [
        {
          title: `${name}: answers`,
          stacked: true,
          lines: CODES.map((code) => ({
            metric: ownMetric(namespace, "warren_ingest_requests_total", { code }),
            statistic: "Sum",
            label: code,
          })),
        },
        {
          title: `${name}: time to answer, s`,
          lines: ["p50", "p99"].map((statistic) => ({
            metric: ownMetric(namespace, "warren_ingest_request_seconds", {}),
            statistic,
            label: statistic,
          })),
        },
        running,
      ];
    case "schedule":
      return [
        {
          title: `${name}: runs`,
          lines: ["ended", "failed"].map((result) => ({
            metric: own("warren_scheduled_runs_total", { result }),
            statistic: "Sum",
            label: result,
          })),
        },
        running,
      ];
  }
}

function graphsOfQueue(queue: string, { namespace }: Observed): Graph[] {
  const line = (suffix: string, label: string, more: Partial<Line> = {}): Line => ({
    metric: ownMetric(namespace, `warren_queue_${suffix}`, { queue }),
    statistic: "Maximum",
    label,
    ...more,
  });
  const kind = kindOf(queue);
  const waiting = line("messages_ready", "waiting");
  if (kind !== "work") return [{ title: queue, lines: [waiting] }];
  return [
    {
      title: `${queue}: depth`,
      limit: THRESHOLDS.depth.limit,
      lines: [
        waiting,
        line("messages_unacked", "unacked"),
        line("consumers", "consumers", { right: true }),
      ],
    },
    {
      title: `${queue}: messages per second`,
      lines: [
        line("published_per_second", "in", { statistic: "Average" }),
        line("delivered_per_second", "out", { statistic: "Average" }),
        line("fill_ratio", "share of its bound", { right: true }),
      ],
    },
  ];
}

function rowsOf(graphs: readonly Graph[]): Graph[][] {
  const perRow = 24 / WIDTH;
  return Array.from({ length: Math.ceil(graphs.length / perRow) }, (_, row) =>
    graphs.slice(row * perRow, (row + 1) * perRow),
  );
}

function widgetOf({ title, lines, stacked, limit }: Graph, at: { x: number; y: number }): object {
  return {
    type: "metric",
    ...at,
    width: WIDTH,
    height: HEIGHT,
    properties: {
      title,
      region: "${AWS::Region}",
      view: "timeSeries",
      stacked: stacked ?? false,
      period: 60,
      metrics: lines.map(metricOf),
      ...(limit !== undefined && {
        annotations: { horizontal: [{ label: "alarm", value: limit }] },
      }),
    },
  };
}

/** A metric in dashboard syntax: namespace, name, dimensions, and how to draw it. */
function metricOf({ metric, statistic, label, color, right }: Line): unknown[] {
  return [
    metric.Namespace,
    metric.MetricName,
    ...metric.Dimensions.flatMap(({ Name, Value }) => [
      Name,
      typeof Value === "string" ? Value : `\${${Value.Ref}}`,
    ]),
    { stat: statistic, label, ...(color && { color }), ...(right && { yAxis: "right" }) },
  ];
}
