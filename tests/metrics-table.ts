import { readFileSync } from "node:fs";
import { join } from "node:path";

type Row = { name: string; type: string; labels: string[] };

/** The table of docs/metrics.md. */
export function metricsTable(): Row[] {
  const text = readFileSync(join(import.meta.dirname, "../docs/metrics.md"), "utf8");
  const rows = text.matchAll(/^\| `(warren_\w+)` \| (\w+) \| ([\w, ]*)\| .+ \|$/gm);
  return [...rows].map(([, name, type, labels]) => ({
    name: name!,
    type: type!,
    labels: labels!.split(",").flatMap((label) => label.trim() || []),
  }));
}
