import { randomUUID } from "node:crypto";
import { vi } from "vitest";
import { consumerHandler, type ConsumerHandler } from "../../lib/runtime/consumer-handler.ts";
import type { RabbitMQEvent } from "../../lib/trigger/event.ts";
import { applyTopology } from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { memoryConsumer, type MemoryConsumer } from "./memory-consumer.ts";
import { newVhost, type Vhost } from "./rabbit-vhost.ts";

export const QUEUE = "events.graph";
const RETRY_DELAYS = [5_000, 60_000];
const HAPPENED = new Date(Date.now() - 90_000).toISOString();

/** What Lambda gives a function, and the deployment. */
export const LAMBDA = {
  AWS_LAMBDA_FUNCTION_NAME: "warren-test-graph",
  METRICS_NAMESPACE: "Warren/test",
};

/** A consumer as Lambda would run it, on a broker and a ledger that are real. */
export type OnLambda = {
  vhost: Vhost;
  sink: MemoryConsumer;
  lambda: ConsumerHandler;
  /** The same function with another ledger table; close it. */
  withTable: (table: string) => ConsumerHandler;
  /** What was written to stdout. */
  lines: string[];
  body: (id: string, data?: object) => string;
  close: () => Promise<void>;
};

export async function openOnLambda(): Promise<OnLambda> {
  const vhost = await newVhost();
  const consumers = [{ queue: QUEUE, accepts: ["order.paid"] }];
  await withChannel({ url: vhost.url, name: "test" }, (channel) =>
    applyTopology(channel, topologyOf({ consumers, retryDelays: RETRY_DELAYS })),
  );
  const lines: string[] = [];
  const stdout = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    lines.push(...String(chunk).split("\n").filter(Boolean));
    return true;
  });
  const sink = memoryConsumer({ name: `graph-${randomUUID().slice(0, 8)}` });
  const withTable = (table: string) =>
    consumerHandler({
      consumer: sink.consumer,
      config: {
        ...LAMBDA,
        RABBITMQ_URL: vhost.url,
        RETRY_DELAYS,
        RETRY_LATER_FOR: 86_400_000,
        LOG_LEVEL: "fatal",
        LEDGER: "dynamodb",
        LEDGER_TABLE: table,
      },
      requireSink: async () => {},
      closeSink: async () => {},
    });
  const lambda = withTable(process.env["LEDGER_TABLE"]!);

  return {
    vhost,
    sink,
    lambda,
    withTable,
    lines,
    body: (id, data = {}) =>
      JSON.stringify({
        id,
        type: "order.paid",
        source: "shop",
        timestamp: HAPPENED,
        tenant_id: `acme-${sink.consumer.name}`,
        data,
        metadata: { version: "1.0" },
      }),
    async close() {
      stdout.mockRestore();
      await lambda.close();
      await vhost.remove();
    },
  };
}

export function context(ms = 15_000) {
  const end = Date.now() + ms;
  const getRemainingTimeInMillis = () => end - Date.now();
  return { functionName: "graph", awsRequestId: "1", getRemainingTimeInMillis };
}

export function batch(bodies: readonly string[], headers: object | null = null): RabbitMQEvent {
  const messages = bodies.map((text) => ({
    basicProperties: { headers, messageId: null, bodySize: text.length },
    redelivered: false,
    data: Buffer.from(text).toString("base64"),
  }));
  return { rmqMessagesByQueue: { [`${QUEUE}::/`]: messages } } as unknown as RabbitMQEvent;
}
