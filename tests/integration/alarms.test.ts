import { afterEach, beforeEach, expect, test } from "vitest";
import { createApp } from "../../functions/ingest/app.ts";
import { eventIds } from "../../functions/ingest/accept.ts";
import { queueGauges } from "../../functions/queue-metrics/gauges.ts";
import { readQueues } from "../../functions/queue-metrics/readings.ts";
import { reportQueues } from "../../functions/queue-metrics/report.ts";
import { observability } from "../../infra/aws/observability.ts";
import type { Resource } from "../../infra/aws/watched.ts";
import type { Metric } from "../../infra/aws/watched.ts";
import { openExposition } from "../../lib/runtime/exposition.ts";
import { scheduledHandler } from "../../lib/runtime/scheduled-handler.ts";
import { logger } from "../../lib/log.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { keyOf, readEmf } from "../emf.ts";
import { batch, context, LAMBDA, openOnLambda, QUEUE, type OnLambda } from "./on-lambda.ts";

let on: OnLambda;

beforeEach(async () => {
  on = await openOnLambda();
});
afterEach(() => on.close());

test("no alarm waits for a metric that nobody writes", async () => {
  const { lambda, withTable, sink, lines, body } = on;
  const { name } = sink.consumer;
  // Everything goes wrong that somebody is woken for.
  await lambda.handler(batch([body("evt_1"), "no json"]), context());
  sink.fail("outage");
  await expect(lambda.handler(batch([body("evt_2")]), context(2_000))).rejects.toThrow(
    "out of time",
  );
  const withoutTable = withTable("no-such-table");
  await expect(withoutTable.handler(batch([body("evt_3")]), context())).rejects.toThrow(
    "There is no DynamoDB table",
  );
  await withoutTable.close();
  await refusedByIngest();
  const queues = await reportedQueues();

  const written = new Set(readEmf(lines).map(keyOf));
  const resources = observability({
    functions: [
      { name, kind: "queue", timeoutSeconds: 15, queue: QUEUE },
      { name: "ingest", kind: "http", timeoutSeconds: 15 },
      { name: "queue-metrics", kind: "schedule", timeoutSeconds: 30 },
    ],
    queues,
    stage: "test",
  });
  const watched = Object.values(resources).flatMap(watchedBy);
  expect(watched).toHaveLength(23);
  expect(watched.filter((key) => !written.has(key))).toEqual([]);
});

/** The custom metrics of an alarm, as keyOf has them. */
function watchedBy({ Type, Properties }: Resource): string[] {
  if (Type !== "AWS::CloudWatch::Alarm") return [];
  type Parts = Partial<Metric> & { Metrics?: { MetricStat?: { Metric: Metric } }[] };
  const { Metrics, ...single } = Properties as Parts;
  const metrics = Metrics?.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []) ?? [single];
  return metrics
    .filter(({ Namespace }) => Namespace !== "AWS/Lambda")
    .map(({ Namespace, MetricName, Dimensions }) => {
      const dimensions = Object.fromEntries(
        Dimensions!.map(({ Name, Value }) => [Name, `${Value as string}`]),
      );
      return keyOf({ namespace: Namespace!, metric: MetricName!, dimensions });
    });
}

/** An event that no broker takes. */
async function refusedByIngest(): Promise<void> {
  const log = logger({ level: "fatal", name: "ingest" });
  const { metrics, exposed } = openExposition({ config: LAMBDA, log });
  const url = "amqp://127.0.0.1:1";
  const publisher = rabbitPublisher({ url, name: "ingest", timeoutMs: 200, metrics });
  const app = createApp({
    publisher,
    keys: { tenantOf: () => "acme" },
    metrics,
    log,
    newId: eventIds(Date.now),
    now: Date.now,
    bodyTimeoutMs: 1_000,
  });
  const answer = await exposed(async () =>
    app.request("/events", {
      method: "POST",
      headers: { authorization: "Bearer x", "content-type": "application/json" },
      body: JSON.stringify({
        user_id: "u1",
        product_id: "p1",
        event_type: "view",
        user_session: "s1",
      }),
    }),
  )();
  expect(answer.status).toBe(503);
  await publisher.close();
}

/** Runs queue-metrics as Lambda does, and says which queues it saw. */
async function reportedQueues(): Promise<string[]> {
  const log = logger({ level: "fatal", name: "queue-metrics" });
  const exposition = openExposition({ config: LAMBDA, log });
  const gauges = queueGauges(exposition.metrics.registry);
  const broker = { url: on.vhost.url, managementUrl: on.vhost.managementUrl };
  const run = () => reportQueues({ broker, gauges, log });
  await scheduledHandler({ name: "queue-metrics", exposition, run })({}, context());
  return (await readQueues(broker)).queues.map(({ queue }) => queue);
}
