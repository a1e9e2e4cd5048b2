import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { DEV } from "../../infra/service/instance.ts";
import { exists, type Program, requirePrograms, run } from "../../infra/service/tools.ts";
import { templateOf } from "../deploy/packaged.ts";
import { stackOf, STAGES } from "../deploy/stack.ts";

const exec = promisify(execFile);
const PYTHON: Program = {
  command: "python3",
  args: ["-c", "import venv, ensurepip"],
  debian: "python3-venv",
};

/** Folder of cfn-lint and checkov. */
let linters: string;
beforeAll(async () => {
  linters = await bringLinters();
}, 900_000);

/** Both end with a code of their own when they find something. */
async function findings(tool: string, args: string[]): Promise<string> {
  // Without AWS_REGION, which is DynamoDB Local's here and no region that linters know.
  const { PATH, HOME } = process.env;
  const options = { timeout: 110_000, maxBuffer: 64 * 1_024 ** 2, env: { PATH, HOME } };
  const path = join(linters, tool);
  const { stdout } = await exec(path, args, options).catch((error: { stdout?: string }) => {
    if (!error.stdout) throw error;
    return { stdout: error.stdout };
  });
  return stdout;
}

test.each([...STAGES, "existing"] as const)("cfn-lint finds no error in %s", async (stage) => {
  const found = await findings("cfn-lint", ["--format", "json", templateOf(stage)]);
  const all = JSON.parse(found || "[]") as {
    Level: string;
    Rule: { Id: string };
    Message: string;
  }[];
  const errors = all.filter(({ Level }) => Level === "Error");
  expect(errors.map(({ Rule, Message }) => `${Rule.Id} ${Message}`)).toEqual([]);
});

type Check = { check_id: string; resource: string };
type Report = {
  summary: { passed: number; parsing_errors: number };
  results: { failed_checks: Check[]; skipped_checks: Check[] };
};

test("checkov finds nothing in prod but what is justified in place, and all of that", async () => {
  const offline = ["--framework", "cloudformation", "--skip-download", "--compact", "-o", "json"];
  const found = await findings("checkov", [...offline, "-f", templateOf("prod")]);
  const { summary, results } = JSON.parse(found) as Report;
  expect(results.failed_checks.map(nameOf)).toEqual([]);
  expect(new Set(results.skipped_checks.map(nameOf))).toEqual(suppressed());
  expect(summary).toMatchObject({ parsing_errors: 0 });
  expect(summary.passed).toBeGreaterThan(100);
});

const nameOf = ({ check_id, resource }: Check) => `${check_id} ${resource}`;

/** What the template asks checkov to pass over; each with its reason. */
function suppressed(): Set<string> {
  type Skip = { id: string; comment?: string };
  const names = new Set<string>();
  for (const [id, { Type, Metadata }] of Object.entries(stackOf("prod").Resources)) {
    const { skip = [] } = (Metadata?.["checkov"] ?? {}) as { skip?: Skip[] };
    for (const { id: check, comment = "" } of skip) {
      expect(comment.length).toBeGreaterThan(30);
      names.add(`${check} ${Type}.${id}`);
    }
  }
  return names;
}

/** A virtual environment for each list of requirements; after the first time nothing is downloaded. */
async function bringLinters(): Promise<string> {
  const requirements = join(import.meta.dirname, "requirements.txt");
  const pinned = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex");
  const folder = join(DEV, "tools", `cloudformation-${pinned.slice(0, 8)}`);
  const complete = join(folder, "complete");
  if (await exists(complete)) return join(folder, "bin");

  await requirePrograms([PYTHON], { title: "Python", report: console.log });
  await run("python3", ["-m", "venv", "--clear", folder], { timeoutMs: 120_000 });
  const pip = join(folder, "bin/pip");
  const quiet = ["--quiet", "--disable-pip-version-check"];
  await run(pip, ["install", ...quiet, "-r", requirements], { timeoutMs: 600_000 });
  await writeFile(complete, "");
  return join(folder, "bin");
}
