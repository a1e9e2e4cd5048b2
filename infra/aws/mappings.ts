import { createHash } from "node:crypto";
import { arnOf, type Declared, either, idOf, ref, type Resources } from "./declared.ts";
import { lambdaId } from "./watched.ts";

/** A queue trigger in serverless.yml; lib/host/declaration.ts reads the same. */
export type QueueEvent = {
  arn: unknown;
  basicAuthArn: unknown;
  virtualHost?: string;
  queue: string;
  batchSize?: number;
  maximumBatchingWindow?: number;
  enabled?: boolean;
  filterPatterns?: readonly unknown[];
};

/** References to the broker that the stack creates or its parameters name (parameters.yml). */
const BROKER_ARN = either("MakeBroker", arnOf("Broker"), ref("ExistingBrokerArn"));
const BROKER_SECRET = either("MakeBroker", ref("BrokerSecret"), ref("ExistingBrokerSecretArn"));

/**
 * One event source mapping for each queue of each function. The mappings of osls omit a broker of the
 * same stack and drop a window of 0 (Lambda then uses 500 ms). Queues whose names differ only in punctuation
 * overwrite each other there. CloudFormation creates the logical ids in `after` first.
 */
export function mappingsOf(functions: readonly Declared[], after: readonly string[]): Resources {
  const mappings: Resources = {};
  for (const { key, events } of functions) {
    for (const event of queueEvents(events)) {
      const { queue, virtualHost = "" } = event;
      const id = idOf(key, `Queue${fingerprint(queue, virtualHost)}`);
      if (mappings[id]) throw new Error(`${key} has two mappings of ${queue}`);
      mappings[id] = {
        Type: "AWS::Lambda::EventSourceMapping",
        DependsOn: [...after],
        Properties: propertiesOf(key, event),
      };
    }
  }
  return mappings;
}

export function queueEvents(events: Declared["events"]): QueueEvent[] {
  return events.flatMap(({ rabbitmq }) => (rabbitmq === undefined ? [] : [rabbitmq as QueueEvent]));
}

/**
 * The broker of a trigger and its credentials. osls accepts an ARN or a `Ref`, but neither `GetAtt`
 * nor `If`. So a `Ref` in serverless.yml means the stack's broker, created or existing.
 */
export function brokerOf({ arn, basicAuthArn }: QueueEvent): { arn: unknown; secret: unknown } {
  return {
    arn: typeof arn === "string" ? arn : BROKER_ARN,
    secret: typeof basicAuthArn === "string" ? basicAuthArn : BROKER_SECRET,
  };
}

function propertiesOf(key: string, event: QueueEvent): Record<string, unknown> {
  const { queue, virtualHost, batchSize, maximumBatchingWindow, enabled, filterPatterns } = event;
  const broker = brokerOf(event);
  return {
    FunctionName: arnOf(lambdaId(key)),
    EventSourceArn: broker.arn,
    Queues: [queue],
    SourceAccessConfigurations: [
      { Type: "BASIC_AUTH", URI: broker.secret },
      { Type: "VIRTUAL_HOST", URI: virtualHost ?? ref("Vhost") },
    ],
    ...(batchSize !== undefined && { BatchSize: batchSize }),
    ...(maximumBatchingWindow !== undefined && {
      MaximumBatchingWindowInSeconds: maximumBatchingWindow,
    }),
    ...(enabled !== undefined && { Enabled: enabled }),
    ...(filterPatterns && {
      FilterCriteria: {
        Filters: filterPatterns.map((pattern) => ({ Pattern: JSON.stringify(pattern) })),
      },
    }),
  };
}

/** Logical ids are alphanumeric, queue names are not. */
function fingerprint(queue: string, vhost: string): string {
  const letters = queue.replaceAll(/[^A-Za-z0-9]/g, "");
  return letters + createHash("sha256").update(`${vhost}\0${queue}`).digest("hex").slice(0, 8);
}
