import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { queueGauges } from "../../functions/queue-metrics/gauges.ts";
import { metricsTable } from "../../tests/metrics-table.ts";
import { createMetrics } from "./metrics.ts";

test("exposes what was recorded in Prometheus's form", async () => {
  const metrics = createMetrics();

  metrics.request({ code: 202, seconds: 0.003 });
  metrics.batch({ name: "neo4j-projector", result: "settled", size: 40, seconds: 0.2 });
  metrics.settled({ name: "neo4j-projector", kind: "done", ageSeconds: 3 });
  metrics.settled({ name: "neo4j-projector", kind: "dead", ageSeconds: undefined });

  const text = await metrics.registry.metrics();
  for (const line of [
    'warren_ingest_requests_total{code="202"} 1',
    'warren_ingest_request_seconds_bucket{le="0.005"} 1',
    'warren_batches_total{function="neo4j-projector",result="settled"} 1',
    'warren_batch_messages_sum{function="neo4j-projector"} 40',
    'warren_outcomes_total{function="neo4j-projector",kind="dead"} 1',
    'warren_event_age_seconds_count{function="neo4j-projector"} 1',
  ]) {
    expect(text).toContain(line);
  }
});

test("docs/metrics.md lists every metric with its type and labels", async () => {
  const ofQueues = new Registry();
  queueGauges(ofQueues);
  const { registry } = createMetrics({ keepSamples: true });
  type Known = { name: string; type: string; labelNames: string[] };
  const known = [registry, ofQueues].flatMap(
    (one) => one.getMetricsAsArray() as unknown as Known[],
  );
  // The host's own are compared on a running host (tests/integration/promtool.test.ts).
  const listed = metricsTable().filter(({ name }) => !name.startsWith("warren_host_"));
  expect(listed).toEqual(
    known.map(({ name, type, labelNames }) => ({ name, type, labels: labelNames })),
  );
});
