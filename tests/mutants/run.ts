import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Mutant, MUTANTS } from "./mutants.ts";

/**
 * `npm run mutants [-- words]`: applies each mutation to a copy of the sources and runs the tests that
 * should notice. Prints what killed each; ends with 1 if one survives. `words` choose by name.
 */
const SOURCES = ["lib", "tests", "package.json", "tsconfig.json", "vitest.config.ts"];

/** The cheap ones first; the next run only if these notice nothing. */
const SUITES: readonly { name: string; args: readonly string[] }[] = [
  { name: "unit", args: ["lib/pipeline", "tests/contract/memory-ledger"] },
  { name: "model", args: ["tests/model", "-t", "keeps its promises"] },
];

/** One process for all files of a suite: most of the time goes to starting. */
const OPTIONS = [
  "--project=unit",
  "--bail=1",
  "--testTimeout=30000",
  "--no-isolate",
  "--pool=threads",
  "--no-file-parallelism",
  "--reporter=json",
  "--outputFile",
];

const words = process.argv.slice(2);
const chosen = MUTANTS.filter(({ name }) => words.every((word) => name.includes(word)));
const copy = mkdtempSync(join(tmpdir(), "warren-mutants-"));
let survivors = 0;
try {
  for (const source of SOURCES) cpSync(source, join(copy, source), { recursive: true });
  symlinkSync(join(process.cwd(), "node_modules"), join(copy, "node_modules"));
  for (const { name, args } of SUITES) {
    const failed = failedTest(args);
    if (failed !== undefined) throw new Error(`without a mutation ${name} fails: ${failed}`);
  }
  process.stdout.write("| mutant | killed by |\n|---|---|\n");
  for (const mutant of chosen) {
    const killer = killerOf(mutant);
    if (killer === undefined) survivors += 1;
    process.stdout.write(`| ${mutant.name} | ${killer ?? "**survives**"} |\n`);
  }
} finally {
  rmSync(copy, { recursive: true });
}
process.exitCode = survivors === 0 ? 0 : 1;

function killerOf({ name, file, from, to }: Mutant): string | undefined {
  const path = join(copy, file);
  const source = readFileSync(path, "utf8");
  const occurrences = source.split(from).length - 1;
  if (occurrences !== 1) {
    throw new Error(`"${name}": its pattern occurs ${occurrences} times in ${file}, not once`);
  }
  writeFileSync(
    path,
    source.replace(from, () => to),
  );
  try {
    for (const suite of SUITES) {
      const failed = failedTest(suite.args);
      if (failed !== undefined) return `${suite.name}: ${failed}`;
    }
    return undefined;
  } finally {
    writeFileSync(path, source);
  }
}

/** The name of the first test that fails. */
function failedTest(args: readonly string[]): string | undefined {
  const report = join(copy, "report.json");
  rmSync(report, { force: true });
  const { status } = spawnSync(
    process.execPath,
    ["node_modules/vitest/vitest.mjs", "run", "--root", copy, ...OPTIONS, report, ...args],
    { cwd: copy, timeout: 300_000 },
  );
  if (status === 0) return undefined;
  const { testResults } = JSON.parse(readFileSync(report, "utf8")) as {
    testResults: { message: string; assertionResults: { status: string; fullName: string }[] }[];
  };
  const failed = testResults.flatMap(({ assertionResults }) => assertionResults);
  const first = failed.find(({ status: outcome }) => outcome === "failed");
  return first?.fullName ?? testResults.find(({ message }) => message !== "")?.message ?? "?";
}
