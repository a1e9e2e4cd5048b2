import * as z from "zod";
import type { EmfDocument } from "../lib/runtime/emf.ts";
import published from "./schemas/embedded-metric-format.json" with { type: "json" };

const { $comment: _, ...schema } = published;
const valid = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);

/** All values of one metric in one set of dimensions. */
export type Series = {
  namespace: string;
  metric: string;
  dimensions: Record<string, string>;
  unit: string;
  values: number[];
};

/**
 * Reads EMF lines as CloudWatch does. Throws what the published schema rejects, and what the
 * specification says in words: limits, and that every reference has its target.
 */
export function readEmf(lines: readonly string[]): Series[] {
  const series = new Map<string, Series>();
  for (const line of lines) {
    if (Buffer.byteLength(line) > 256 * 1_024) throw new Error("a document of more than 256 KB");
    const document = valid.parse(JSON.parse(line)) as EmfDocument;
    for (const { Namespace: namespace, Dimensions, Metrics } of document._aws.CloudWatchMetrics) {
      if (Metrics.length > 100) throw new Error("more than 100 metrics in a directive");
      for (const names of Dimensions) {
        const dimensions = Object.fromEntries(names.map((name) => [name, textAt(document, name)]));
        for (const { Name: metric, Unit: unit } of Metrics) {
          const key = keyOf({ namespace, metric, dimensions });
          const known = series.get(key);
          const values = [...(known?.values ?? []), ...numbersAt(document, metric)];
          series.set(key, { namespace, metric, dimensions, unit, values });
        }
      }
    }
  }
  return [...series.values()];
}

/** The identity of a CloudWatch metric. */
export function keyOf({
  namespace,
  metric,
  dimensions,
}: Pick<Series, "namespace" | "metric" | "dimensions">): string {
  const sorted = Object.entries(dimensions).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${namespace} ${metric} ${JSON.stringify(sorted)}`;
}

function textAt(document: EmfDocument, name: string): string {
  const value = document[name];
  if (typeof value !== "string" || value.trim() === "" || value.length > 1_024) {
    throw new Error(`dimension ${name} is ${JSON.stringify(value)}`);
  }
  return value;
}

function numbersAt(document: EmfDocument, name: string): number[] {
  const value = document[name];
  const values = Array.isArray(value) ? (value as unknown[]) : [value];
  if (values.length === 0 || values.length > 100)
    throw new Error(`${name}: ${values.length} values`);
  return values.map((one) => {
    if (typeof one === "number" && Number.isFinite(one)) return one;
    throw new Error(`${name} is ${JSON.stringify(one)}`);
  });
}
