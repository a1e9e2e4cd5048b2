import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";
import type { Exposition } from "./exposition.ts";
import { scheduledHandler } from "./scheduled-handler.ts";

const exposition = (): Exposition => ({ metrics: createMetrics(), exposed: (handler) => handler });
const context = { functionName: "f", awsRequestId: "r", getRemainingTimeInMillis: () => 1_000 };

// Prometheus cannot tell that a counter grew which it sees for the first time.
test("its failures are seen at 0 before the first run", async () => {
  const { metrics, exposed } = exposition();
  const run = () => Promise.reject(new Error("no"));
  const handler = scheduledHandler({ name: "prune", exposition: { metrics, exposed }, run });
  const failures = 'warren_scheduled_runs_total{function="prune",result="failed"}';

  expect(await metrics.registry.metrics()).toContain(`${failures} 0`);
  await expect(handler({}, context)).rejects.toThrow("no");
  expect(await metrics.registry.metrics()).toContain(`${failures} 1`);
});
