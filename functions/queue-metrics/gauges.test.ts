import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { observability } from "../../infra/aws/observability.ts";
import { metricsTable } from "../../tests/metrics-table.ts";
import { queueGauges } from "./gauges.ts";

type Known = { name: string; type: string; labelNames: string[] };
const registry = new Registry();
const gauges = queueGauges(registry);
const known = registry.getMetricsAsArray() as unknown as Known[];

test("docs/metrics.md lists every gauge with its type and labels", () => {
  const listed = metricsTable().filter(({ name }) => /^warren_(queue|broker)_/.test(name));
  expect(listed).toEqual(
    known.map(({ name, type, labelNames }) => ({ name, type, labels: labelNames })),
  );
});

test("every alarm and every graph of a queue watches what is written of that queue", async () => {
  const queues = ["events.work", "events.work.retry.5s", "dead.events.work", "events.unconsumed"];
  const figures = { ready: 1, unacked: 1, consumers: 1, bytes: 1, published: 1, delivered: 1 };
  const bounded = (queue: string) => !queue.startsWith("dead.");
  gauges.show(
    queues.map((queue) => ({ queue, ...figures, fill: bounded(queue) ? 0.5 : undefined })),
  );
  const written = new Set(
    [...(await registry.metrics()).matchAll(/^(\w+)\{queue="([^"]+)"\}/gm)].map(
      ([, metric, queue]) => `${metric} ${queue}`,
    ),
  );

  const made = JSON.stringify(observability({ functions: [], queues, stage: "prod" }));
  const alarms = made.matchAll(
    /"MetricName":"(warren_queue_\w+)","Dimensions":\[\{"Name":"queue","Value":"([^"]+)"/g,
  );
  const graphs = made.matchAll(/\\"(warren_queue_\w+)\\",\\"queue\\",\\"([^"\\]+)\\"/g);
  const watched = [...alarms, ...graphs].map(([, metric, queue]) => `${metric} ${queue}`);
  expect(watched.length).toBeGreaterThan(15);
  expect(watched.filter((one) => !written.has(one))).toEqual([]);
  const ofBroker = [...made.matchAll(/"MetricName":"(warren_broker_\w+)"/g)].map(
    ([, name]) => name,
  );
  expect(ofBroker).toEqual(["warren_broker_up"]);
});
