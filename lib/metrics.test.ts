import { expect, test } from "vitest";
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
