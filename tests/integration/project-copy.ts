import { execFileSync } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ROOT } from "../../infra/service/instance.ts";

/** The files of the working tree that git does not ignore. */
export function projectFiles(): string[] {
  const list = ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"];
  return execFileSync("git", list, { cwd: ROOT, encoding: "utf8" }).trim().split("\n");
}

export async function copyProject(
  to: string,
  files: readonly string[] = projectFiles(),
): Promise<void> {
  for (const file of files) {
    await mkdir(dirname(join(to, file)), { recursive: true });
    await cp(join(ROOT, file), join(to, file));
  }
}

/** Deletes these entries of serverless.yml, as one does by hand. Throws if one is missing. */
export async function deleteEntries(root: string, names: readonly string[]): Promise<void> {
  const file = join(root, "serverless.yml");
  let text = await readFile(file, "utf8");
  for (const name of names) {
    const entry = new RegExp(`^  ${name}:\\n(?:    .*\\n|\\n)+`, "m");
    if (!entry.test(text)) throw new Error(`serverless.yml has no entry ${name}`);
    text = text.replace(entry, "");
  }
  await writeFile(file, `${text.trimEnd()}\n`);
}
