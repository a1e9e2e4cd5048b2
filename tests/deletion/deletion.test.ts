import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { ROOT } from "../../infra/service/instance.ts";
import { readHandlers } from "../../lib/host/declaration.ts";
import { copyProject, deleteEntries, projectFiles } from "../integration/project-copy.ts";

const SHARED = ["node_modules"];
const ROOMS = ["events/", "functions/", "infra/", "kit/"];

/** The folders of functions/, each with its entries in serverless.yml. */
const folders = Map.groupBy(
  (await readHandlers(ROOT)).filter(({ file }) => file.startsWith(join(ROOT, "functions/"))),
  ({ file }) => relative(ROOT, dirname(file)),
);

let clone: string | undefined;
afterEach(async () => {
  if (clone !== undefined) await rm(clone, { recursive: true });
  clone = undefined;
});

test.each([...folders.keys()])(
  "without %s and its entries the rest is checked, packaged and bound as before",
  async (folder) => {
    clone = await copyWithout([folder]);
    const run = commandsIn(clone);

    await run(process.execPath, ["cli.ts", "topology", "write"]);
    await run(process.execPath, ["infra/functions/write-settings.ts"]);
    await run("node_modules/.bin/tsc", []);
    await run("node_modules/.bin/oxlint", []);
    // What lib/ and tests/ test knows no function: the import rule sees to that.
    await run("node_modules/.bin/vitest", ["run", "--project", "unit", ...ROOMS]);
    const queues = await run(process.execPath, ["cli.ts", "topology", "print"]);
    const own = (folders.get(folder) ?? []).map(({ name }) => name);
    expect(own.filter((name) => queues.includes(`"${name}"`))).toEqual([]);
    await run(process.execPath, ["cli.ts", "bundle", "--root", clone]);
  },
  300_000,
);

/**
 * A copy of the working tree without these folders, without their entries in serverless.yml, and without
 * the files of tests/ and bench/ that import them, directly or through another such file
 * (docs/your-own-domain.md).
 */
async function copyWithout(gone: readonly string[]): Promise<string> {
  const to = await mkdtemp(join(tmpdir(), "warren-deletion-"));
  const files = projectFiles().filter((file) => !gone.some((one) => file.startsWith(`${one}/`)));
  const broken = await importersOf(gone, files);
  const kept = files.filter((file) => !broken.has(file));
  await copyProject(to, kept);
  for (const name of SHARED) await symlink(join(ROOT, name), join(to, name));

  const entries = gone.flatMap((one) => folders.get(one) ?? []).map(({ name }) => name);
  await deleteEntries(to, entries);
  return to;
}

/** Files of tests/ and bench/ that import something in `gone`, or one another that does. */
async function importersOf(
  gone: readonly string[],
  files: readonly string[],
): Promise<Set<string>> {
  const candidates = files.filter((file) => /^(tests|bench)\/.*\.ts$/.test(file));
  const imports = new Map(
    await Promise.all(
      candidates.map(
        async (file) => [file, importsOf(file, await readFile(join(ROOT, file), "utf8"))] as const,
      ),
    ),
  );
  const broken = new Set<string>();
  for (let before = -1; before < broken.size;) {
    before = broken.size;
    for (const [file, imported] of imports) {
      const isGone = (one: string) => broken.has(one) || gone.some((f) => one.startsWith(`${f}/`));
      if (imported.some(isGone)) broken.add(file);
    }
  }
  return broken;
}

function importsOf(file: string, text: string): string[] {
  const found = text.matchAll(/(?:from|import\() ?"(\.[^"]+)"/g);
  return [...found].map(([, path]) => join(dirname(file), path!));
}

/** Runs a command there; rejects with what it printed. */
function commandsIn(cwd: string): (command: string, args: string[]) => Promise<string> {
  return async (command, args) => {
    try {
      const options = { cwd, maxBuffer: 20_000_000, timeout: 200_000 };
      return (await promisify(execFile)(command, args, options)).stdout;
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      throw new Error(`${command} ${args.join(" ")}\n${stdout}\n${stderr}`, { cause: error });
    }
  };
}
