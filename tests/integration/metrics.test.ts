import { afterEach, beforeEach, expect, test } from "vitest";
import { readEmf, type Series } from "../emf.ts";
import { batch, context, openOnLambda, type OnLambda } from "./on-lambda.ts";

let on: OnLambda;

beforeEach(async () => {
  on = await openOnLambda();
});
afterEach(() => on.close());

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

/** As Prometheus's text has it: a line for each counter, gauge and bucket. */
function textOf({ metric, dimensions, values }: Series, buckets: ReadonlyMap<string, number[]>) {
  const labels = (more: object) => {
    const pairs = Object.entries({ ...more, ...dimensions }).map(([k, v]) => `${k}="${v}"`);
    return pairs.length === 0 ? "" : `{${pairs.sort().join()}}`;
  };
  const bounds = buckets.get(metric);
  if (bounds === undefined) {
    // A gauge is what it was last, a counter what it grew by.
    const value = metric.endsWith("_total") ? sumOf(values) : values.at(-1);
    return [`${metric}${labels({})} ${value}`];
  }
  const upTo = (bound: number) => values.filter((value) => value <= bound).length;
  return [
    ...bounds.map((bound) => `${metric}_bucket${labels({ le: bound })} ${upTo(bound)}`),
    `${metric}_bucket${labels({ le: "+Inf" })} ${values.length}`,
    `${metric}_count${labels({})} ${values.length}`,
    `${metric}_sum${labels({})} ${sumOf(values).toFixed(6)}`,
  ];
}

/** The lines of ours, with sorted labels and sums to the microsecond. */
function linesOf(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("warren_"))
    .map((line) => {
      const [, name, labels = "", value = ""] = /^(\w+)(?:\{(.*)\})? (.+)$/.exec(line) ?? [];
      const sorted = labels.split(",").filter(Boolean).sort().join();
      const number = name?.endsWith("_sum") ? Number(value).toFixed(6) : value;
      return `${name}${sorted && `{${sorted}}`} ${number}`;
    });
}

function bucketsIn(text: string): Map<string, number[]> {
  const buckets = new Map<string, number[]>();
  for (const [, metric, bound] of text.matchAll(/^(\w+)_bucket\{(?:.*,)?le="([\d.e+]+)"/gm)) {
    const known = buckets.get(metric!) ?? [];
    if (!known.includes(Number(bound))) known.push(Number(bound));
    buckets.set(metric!, known);
  }
  return buckets;
}

test("what Lambda writes for CloudWatch adds up to what Prometheus reads", async () => {
  const { lambda, sink, lines, body } = on;
  await lambda.handler(
    batch([
      ...Array.from({ length: 230 }, (_, i) => body(`evt_${i}`)),
      body("evt_1"),
      "no json",
      body("evt_never", { refuse: "always" }),
      body("evt_later", { refuse: "now" }),
    ]),
    context(),
  );
  await lambda.handler(batch([body("evt_alone")], { "warren-attempt": 2 }), context());
  // Done already, by the first batch.
  await lambda.handler(batch([body("evt_2", {}), body("evt_new")]), context());
  sink.fail("outage");
  await expect(lambda.handler(batch([body("evt_held")]), context(2_000))).rejects.toThrow(
    "out of time",
  );
  const during = readEmf(lines).find(({ metric }) => metric === "warren_sink_down");
  expect(during?.values).toEqual([0, 0, 0, 1]);
  sink.fail(undefined);
  await lambda.handler(batch([body("evt_held")]), context());

  const series = readEmf(lines);
  const text = await lambda.metrics.registry.metrics();
  const buckets = bucketsIn(text);
  const fromEmf = series.flatMap((one) => textOf(one, buckets));
  // Prometheus has zeros for what never happened, CloudWatch has nothing.
  const never = /^warren_ingest_|_total.* 0$/;
  const fromPrometheus = linesOf(text).filter((line) => !never.test(line));
  expect(fromEmf.toSorted()).toEqual(fromPrometheus.toSorted());

  const { name } = sink.consumer;
  for (const line of [
    `warren_outcomes_total{function="${name}",kind="done"} 233`,
    `warren_outcomes_total{function="${name}",kind="dead"} 2`,
    `warren_outcomes_total{function="${name}",kind="retry"} 1`,
    `warren_batches_total{function="${name}",result="settled"} 4`,
    `warren_batches_total{function="${name}",result="thrown"} 1`,
    `warren_retries_total{function="${name}",tier="5s"} 1`,
    `warren_publishes_total{function="${name}",result="confirmed"} 3`,
    `warren_ledger_claims_total{function="${name}",kind="fresh"} 2`,
    `warren_sink_down{function="${name}"} 0`,
  ]) {
    expect(fromEmf).toContain(line);
  }
});

test("nothing that varies with the events becomes a dimension", async () => {
  const { lambda, sink, lines, body } = on;
  await lambda.handler(batch([body("evt_1"), body("evt_2"), "no json"]), context());
  const { name } = sink.consumer;
  const found = readEmf(lines).flatMap(({ dimensions }) => Object.entries(dimensions));
  const values = Object.groupBy(found, ([dimension]) => dimension);
  const distinct = Object.entries(values).map(([dimension, pairs = []]) => [
    dimension,
    [...new Set(pairs.map(([, value]) => value))].sort(),
  ]);
  expect(Object.fromEntries(distinct)).toEqual({
    function: [name],
    kind: ["dead", "done"],
    result: ["confirmed", "settled"],
    state: ["done"],
  });
});
