import { Gauge } from "prom-client";
import { expect, test } from "vitest";
import { readEmf } from "../../tests/emf.ts";
import { createMetrics } from "./metrics.ts";
import { emfReader } from "./emf.ts";

const at = { namespace: "Warren/test", timestamp: 1_795_000_000_000 };
const name = "graph";

function opened() {
  const metrics = createMetrics({ keepSamples: true });
  const read = emfReader(metrics);
  const lines = async () => (await read(at)).map((document) => JSON.stringify(document));
  return { metrics, read, lines, series: async () => readEmf(await lines()) };
}

test("a request is one document, whatever it counts", async () => {
  const { metrics, read } = opened();
  metrics.publishing({ name: "ingest" })("confirmed");
  metrics.request({ code: 202, seconds: 0.0031234567 });

  expect(await read(at)).toEqual([
    {
      _aws: {
        Timestamp: 1_795_000_000_000,
        CloudWatchMetrics: [
          {
            Namespace: "Warren/test",
            Dimensions: [["code"]],
            Metrics: [{ Name: "warren_ingest_requests_total", Unit: "Count" }],
          },
          {
            Namespace: "Warren/test",
            Dimensions: [["function", "result"]],
            Metrics: [{ Name: "warren_publishes_total", Unit: "Count" }],
          },
          {
            Namespace: "Warren/test",
            Dimensions: [["function"]],
            Metrics: [{ Name: "warren_publishes_in_flight", Unit: "Count" }],
          },
          {
            Namespace: "Warren/test",
            Dimensions: [[]],
            Metrics: [{ Name: "warren_ingest_request_seconds", Unit: "Seconds" }],
          },
        ],
      },
      code: "202",
      function: "ingest",
      result: "confirmed",
      warren_ingest_requests_total: 1,
      warren_publishes_total: 1,
      warren_publishes_in_flight: 0,
      warren_ingest_request_seconds: 0.003123,
    },
  ]);
});

test("counters are given as their increase, gauges as they stand, observations once", async () => {
  const { metrics, series } = opened();
  metrics.sink({ name, down: true });
  metrics.rows({ name, state: "done", count: 7 });
  metrics.batch({ name, result: "settled", size: 7, seconds: 0.5 });
  await series();
  metrics.rows({ name, state: "done", count: 2 });

  expect(await series()).toEqual([
    {
      namespace: "Warren/test",
      metric: "warren_sink_down",
      dimensions: { function: "graph" },
      unit: "Count",
      values: [1],
    },
    {
      namespace: "Warren/test",
      metric: "warren_ledger_rows_total",
      dimensions: { function: "graph", state: "done" },
      unit: "Count",
      values: [2],
    },
  ]);
});

test("series that differ in one dimension do not share a document", async () => {
  const { metrics, series } = opened();
  metrics.settled({ name, kind: "done", ageSeconds: 1 });
  metrics.settled({ name, kind: "done", ageSeconds: 2 });
  metrics.settled({ name, kind: "dead", ageSeconds: undefined });
  metrics.settled({ name: "other", kind: "done", ageSeconds: 3 });

  const found = (await series()).map(({ metric, dimensions, values }) => ({
    [metric]: { ...dimensions, values },
  }));
  expect(found).toHaveLength(5);
  expect(found).toEqual(
    expect.arrayContaining([
      { warren_outcomes_total: { function: "graph", kind: "done", values: [2] } },
      { warren_outcomes_total: { function: "graph", kind: "dead", values: [1] } },
      { warren_outcomes_total: { function: "other", kind: "done", values: [1] } },
      { warren_event_age_seconds: { function: "graph", values: [1, 2] } },
      { warren_event_age_seconds: { function: "other", values: [3] } },
    ]),
  );
});

test("keeps the limits of 100 values and 100 metrics, and loses nothing over them", async () => {
  const { metrics, lines } = opened();
  for (let i = 1; i <= 1_001; i += 1) metrics.settled({ name, kind: "done", ageSeconds: i });
  for (let i = 1; i <= 150; i += 1) {
    const registers = [metrics.registry];
    new Gauge({ name: `warren_test_${i}`, help: "one of many", registers }).set(i);
  }
  const written = await lines();
  const series = readEmf(written);

  const ages = series.find(({ metric }) => metric === "warren_event_age_seconds");
  expect(ages?.values).toEqual(Array.from({ length: 1_001 }, (_, i) => i + 1));
  expect(series.filter(({ metric }) => metric.startsWith("warren_test_"))).toHaveLength(150);
  for (const line of written) {
    const { _aws } = JSON.parse(line) as { _aws: { CloudWatchMetrics: { Metrics: [] }[] } };
    const count = _aws.CloudWatchMetrics.reduce((sum, { Metrics }) => sum + Metrics.length, 0);
    expect(count).toBeLessThanOrEqual(100);
  }
});

test.each([
  ["warren_queue_ready_bytes", "Bytes"],
  ["warren_queue_fill_ratio", "None"],
  ["warren_queue_published_per_second", "Count/Second"],
  ["warren_batch_seconds", "Seconds"],
  ["warren_broker_up", "Count"],
])("%s has the unit %s", async (metric, unit) => {
  const { metrics, series } = opened();
  if (metric === "warren_batch_seconds") {
    metrics.batch({ name, result: "settled", size: 1, seconds: 1 });
  } else {
    new Gauge({ name: metric, help: "a gauge", registers: [metrics.registry] }).set(1);
  }
  expect((await series()).find((one) => one.metric === metric)?.unit).toBe(unit);
});
