import { idOf } from "./declared.ts";

export type ObservedFunction = {
  /** Its key in serverless.yml; also the label `function` of its metrics. */
  name: string;
  kind: "queue" | "http" | "schedule";
  timeoutSeconds: number;
  /** Set for a function with a queue. */
  queue?: string;
};

export type Observed = {
  functions: readonly ObservedFunction[];
  /** The name of a queue decides its alarms: work, retry, dead letters, unconsumed. */
  queues: readonly string[];
  stage: string;
  /** Namespace of the functions' metrics: METRICS_NAMESPACE in serverless.yml. */
  namespace: string;
};

export type Resource = { Type: string; Properties: Record<string, unknown> };
export type Resources = Record<string, Resource>;

/** A metric in CloudWatch. A dimension of an AWS metric may be a reference. */
export type Metric = {
  Namespace: string;
  MetricName: string;
  Dimensions: { Name: string; Value: string | { Ref: string } }[];
};

/** The SNS topic of all alarms. */
export const TOPIC_ID = "AlarmTopic";

/** A metric that functions write, with the names and labels of lib/runtime/metrics.ts. */
export function ownMetric(
  namespace: string,
  metric: string,
  dimensions: Readonly<Record<string, string>>,
): Metric {
  return {
    Namespace: namespace,
    MetricName: metric,
    Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
  };
}

/** A Lambda metric of a function, given by its key in serverless.yml. */
export function lambdaMetric(metric: string, functionKey: string): Metric {
  return {
    Namespace: "AWS/Lambda",
    MetricName: metric,
    Dimensions: [{ Name: "FunctionName", Value: { Ref: lambdaId(functionKey) } }],
  };
}

/** The logical id that osls gives a function: `neo4j-projector` is Neo4jDashprojectorLambdaFunction. */
export function lambdaId(functionKey: string): string {
  return idOf(functionKey, "LambdaFunction");
}
