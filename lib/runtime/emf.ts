import type { Labels, Metrics } from "./metrics.ts";

/**
 * Limits of CloudWatch's embedded metric format: docs.aws.amazon.com, "Specification: Embedded metric
 * format". A document with the maximum of both stays below 256 KB, the limit of its first version.
 */
const MAX_METRICS = 100;
const MAX_VALUES = 100;
/** A reading is tried in this many documents before it starts a new one. This bounds the search. */
const OPEN_PACKS = 16;

/** One log line, from which CloudWatch takes metrics. */
export type EmfDocument = {
  _aws: { Timestamp: number; CloudWatchMetrics: Directive[] };
  [target: string]: unknown;
};
type Directive = {
  Namespace: string;
  Dimensions: string[][];
  Metrics: { Name: string; Unit: string }[];
};

/** A metric with its dimensions, and its values since the last call. */
type Reading = { metric: string; labels: Labels; values: number[] };

/** Returns the changes of a registry since the last call, as EMF documents. */
type EmfReader = (at: { namespace: string; timestamp: number }) => Promise<EmfDocument[]>;

/**
 * Reports counters as increases, gauges as values, and histograms as single observations
 * (`keepSamples`), so that CloudWatch's percentiles are exact. Labels become dimensions.
 */
export function emfReader({ registry, takeSamples }: Metrics): EmfReader {
  const counted = new Map<string, number>();

  function increase(metric: string, labels: Labels, total: number): number {
    const key = JSON.stringify([metric, labels]);
    const by = total - (counted.get(key) ?? 0);
    counted.set(key, total);
    return by;
  }

  async function read(): Promise<Reading[]> {
    const readings: Reading[] = [];
    const families = (await registry.getMetricsAsJSON()) as unknown as Family[];
    for (const { name: metric, type, values } of families) {
      for (const { labels, value } of values) {
        if (type === "gauge") readings.push({ metric, labels, values: [value] });
        if (type !== "counter") continue;
        const by = increase(metric, labels, value);
        if (by > 0) readings.push({ metric, labels, values: [by] });
      }
    }
    return [...readings, ...observations()];
  }

  function observations(): Reading[] {
    const readings = new Map<string, Reading>();
    for (const { metric, labels, value } of takeSamples()) {
      const key = JSON.stringify([metric, labels]);
      const known = readings.get(key);
      if (known) known.values.push(value);
      else readings.set(key, { metric, labels, values: [value] });
    }
    return [...readings.values()].flatMap(inPortions);
  }

  return async ({ namespace, timestamp }) =>
    packed(await read()).map((readings) => documentOf(readings, { namespace, timestamp }));
}

/** What `getMetricsAsJSON` returns. Its declared type is wrong: it says that `type` is a number. */
type Family = {
  name: string;
  type: "counter" | "gauge" | "histogram" | "summary";
  values: { labels: Labels; value: number }[];
};

function inPortions({ values, ...metric }: Reading): Reading[] {
  const count = Math.ceil(values.length / MAX_VALUES);
  return Array.from({ length: count }, (_, index) => ({
    ...metric,
    values: values.slice(index * MAX_VALUES, (index + 1) * MAX_VALUES),
  }));
}

type Pack = { readings: Reading[]; metrics: Set<string>; labels: Map<string, string> };

/**
 * Puts readings into as few documents as possible: a request is one line, not four. A document has one
 * value for each name, so readings of one metric, or with different values of a label, are separated.
 */
function packed(readings: readonly Reading[]): Reading[][] {
  const packs: Pack[] = [];
  for (const reading of readings) {
    const labels = Object.entries(reading.labels);
    const fitting = packs
      .slice(-OPEN_PACKS)
      .find(
        (pack) =>
          pack.readings.length < MAX_METRICS &&
          !pack.metrics.has(reading.metric) &&
          labels.every(([name, value]) => (pack.labels.get(name) ?? `${value}`) === `${value}`),
      );
    const pack: Pack = fitting ?? { readings: [], metrics: new Set(), labels: new Map() };
    if (!fitting) packs.push(pack);
    pack.readings.push(reading);
    pack.metrics.add(reading.metric);
    for (const [name, value] of labels) pack.labels.set(name, String(value));
  }
  return packs.map((pack) => pack.readings);
}

function documentOf(
  readings: readonly Reading[],
  { namespace, timestamp }: { namespace: string; timestamp: number },
): EmfDocument {
  const directives = new Map<string, Directive>();
  const targets: Record<string, unknown> = {};

  for (const { metric, labels, values } of readings) {
    const dimensions = Object.keys(labels).sort();
    const key = dimensions.join();
    const directive = directives.get(key) ?? {
      Namespace: namespace,
      Dimensions: [dimensions],
      Metrics: [],
    };
    directives.set(key, directive);
    directive.Metrics.push({ Name: metric, Unit: unitOf(metric) });
    targets[metric] = values.length === 1 ? values[0] : values;
    for (const name of dimensions) targets[name] = String(labels[name]);
  }
  return {
    _aws: { Timestamp: timestamp, CloudWatchMetrics: [...directives.values()] },
    ...targets,
  };
}

/** CloudWatch's unit. In Prometheus a metric's name ends with its unit. */
function unitOf(metric: string): string {
  if (metric.endsWith("_per_second")) return "Count/Second";
  if (metric.endsWith("_seconds")) return "Seconds";
  if (metric.endsWith("_bytes")) return "Bytes";
  if (metric.endsWith("_ratio")) return "None";
  return "Count";
}
