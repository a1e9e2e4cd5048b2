import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * A hash of what a host of this project runs: serverless.yml, and the code and templates of the functions
 * and of their imports.
 */
export async function fingerprintOf(root: string): Promise<string> {
  const folders = await Promise.all(
    ["events", "functions", "kit", "lib"].map((name) => codeIn(root, name)),
  );
  const files = ["serverless.yml", ...folders.flat().sort()];
  const texts = await Promise.all(files.map((file) => readFile(join(root, file), "utf8")));
  return createHash("sha256")
    .update(JSON.stringify([files, texts]))
    .digest("hex");
}

async function codeIn(root: string, folder: string): Promise<string[]> {
  const files = await readdir(join(root, folder), { recursive: true });
  return files
    .filter((file) => /\.(ts|liquid)$/.test(file) && !file.endsWith(".test.ts"))
    .map((file) => join(folder, file));
}
