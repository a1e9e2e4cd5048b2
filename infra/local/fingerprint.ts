import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";

/**
 * A hash of what a host of this project would run: serverless.yml, the code and the templates of the
 * functions and of what they stand on, and those of the caller's variables that a config.ts names. The same hash is
 * the same host.
 */
export async function fingerprintOf(root: string, env: NodeJS.ProcessEnv): Promise<string> {
  const folders = await Promise.all(
    ["events", "functions", "kit", "lib"].map((name) => codeIn(root, name)),
  );
  const files = ["serverless.yml", ...folders.flat().sort()];
  const texts = await Promise.all(files.map((file) => readFile(join(root, file), "utf8")));

  const configs = texts.filter((_, index) => basename(files[index]!) === "config.ts");
  const words = new Set(configs.flatMap((text) => text.match(/\b[A-Z][A-Z0-9_]+\b/g) ?? []));
  const named = Object.entries(env).filter(([name, value]) => value && words.has(name));

  const all = [files, texts, named.sort(([a], [b]) => (a < b ? -1 : 1))];
  return createHash("sha256").update(JSON.stringify(all)).digest("hex");
}

async function codeIn(root: string, folder: string): Promise<string[]> {
  const files = await readdir(join(root, folder), { recursive: true });
  return files
    .filter((file) => /\.(ts|liquid)$/.test(file) && !file.endsWith(".test.ts"))
    .map((file) => join(folder, file));
}
