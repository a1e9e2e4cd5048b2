import { expect, test } from "vitest";
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
  const { registry } = createMetrics({ keepSamples: true });
  type Known = { name: string; type: string; labelNames: string[] };
  const known = registry.getMetricsAsArray() as unknown as Known[];
  // Whoever writes the others compares them: the host on a running host (tests/integration/promtool.test.ts),
  // queue-metrics in its own tests.
  const listed = metricsTable().filter(({ name }) => !/^warren_(host|queue|broker)_/.test(name));
  expect(listed).toEqual(
    known.map(({ name, type, labelNames }) => ({ name, type, labels: labelNames })),
  );
});
