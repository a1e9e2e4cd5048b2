import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

/** What the figures depend on: the machine, and the versions of Node and npm packages, one line each. */
export function machineOf(packages: readonly string[]): string[] {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`;
  const versions = packages.map((name) => `${name} ${versionOf(name)}`);
  return [
    `${cpus().length} × ${cpu?.model.trim() ?? "unknown CPU"}, ${memory}`,
    [`Node ${process.version}`, ...versions].join(", "),
  ];
}

/** Prints what the figures depend on. */
export function printMachine(packages: readonly string[], services: Record<string, string>): void {
  for (const line of machineOf(packages)) console.log(line);
  for (const [name, where] of Object.entries(services)) console.log(`${name}: ${where}`);
}

function versionOf(name: string): string {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return String((JSON.parse(readFileSync(file, "utf8")) as { version: string }).version);
}

/** Prints rows under their column names; numbers are aligned to the right. */
export function printTable(
  columns: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  const lines = [columns, ...rows];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => String(line[i]).length)));
  for (const line of lines) {
    const cells = line.map((cell, i) =>
      i === 0 ? String(cell).padEnd(widths[i]!) : String(cell).padStart(widths[i]!),
    );
    console.log(cells.join("  "));
  }
}

export type Measured = { seconds: number; cpuSeconds: number };

/** Wall time and CPU time (user and system) of this process until `work` is done. */
export async function measure(work: () => Promise<void>): Promise<Measured> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

/** The median by `of`; for an even number of values the lower of the two. */
export function median<T>(values: readonly T[], of: (value: T) => number): T {
  if (values.length === 0) throw new Error("an empty list has no median");
  return values.toSorted((a, b) => of(a) - of(b))[Math.floor((values.length - 1) / 2)]!;
}
