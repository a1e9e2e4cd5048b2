import type { Row } from "./measure.ts";
import { scenarios } from "./scenarios.ts";
import type { Cell } from "./verdict.ts";

export const KEPT = "✓";
const BROKEN = "✗";

/** The headings of the table: one column per scenario. */
export const columns: readonly string[] = [
  "function",
  "promise",
  ...scenarios.map(({ title }) => title),
];

/** Which promise each function kept in which scenario, as Markdown like everything here. */
export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ subject: { name, vow }, cells }) => [
    name,
    vow,
    ...scenarios.map(({ title }) => inShort(cells.get(title))),
  ]);
  return markdown(columns, lines);
}

/** The table of what keeps an effect single. */
export function sinksOf(rows: readonly Row[]): string {
  return markdown(
    ["function", "sink", "what keeps an effect single"],
    rows.map(({ subject: { name, sink, proof }, version }) => [
      name,
      `${sink} (${version})`,
      proof,
    ]),
  );
}

function inShort(cell: Cell | undefined): string {
  if (cell === undefined) return "";
  const { problems, uncertain, dead } = cell;
  if (problems.length > 0) return `${BROKEN} ${problems.join("; ")}`;
  const letters = Object.values(dead).reduce((sum, count) => sum + count, 0);
  const beside = [
    ...(uncertain > 0 ? [`${uncertain} uncertain`] : []),
    ...(letters > 0 ? [`${letters} dead`] : []),
  ];
  return [`${KEPT} ${effectsOf(cell)}`, ...beside].join(", ");
}

/** Effects of each event, from fewest to most. */
function effectsOf({ effects: { min, max } }: Cell): string {
  const times = (count: number) => (count === 1 ? "once" : `${count} times`);
  if (!Number.isFinite(min)) return "same state";
  return min === max ? times(min) : `${min} to ${max} times`;
}

/** All observations of a function, for readers who doubt the table. */
export function detailsOf({ subject, cells }: Row): string {
  const lines = [...cells].map(([title, cell]) => [
    title,
    cell.effects.min === Infinity ? "–" : String(cell.accepted),
    effectsOf(cell),
    String(cell.repeats),
    String(cell.uncertain),
    countsOf(cell.dead),
    countsOf(cell.left),
    cell.seen,
  ]);
  const heads = ["scenario", "events", "effects", "repeats", "uncertain", "dead letters", "left"];
  return `### ${subject.name}\n\n${markdown([...heads, "seen"], lines)}`;
}

function countsOf(counts: Readonly<Record<string, number>>): string {
  const all = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
  return all.length === 0 ? "none" : all.join(", ");
}

function markdown(heads: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [row(heads), row(heads.map(() => "---")), ...lines.map(row)].join("\n");
}

/** The cells of the first table of a text; its headings are the first row. */
export function firstTable(text: string): string[][] {
  const [table = ""] = /(^\|.*\n)+/m.exec(text) ?? [];
  const lines = table.trimEnd().split("\n");
  return lines.toSpliced(1, 1).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
