import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** Reads a JSON file, or makes it once; readable by its owner only. */
export async function once<T>(path: string, make: () => T | Promise<T>): Promise<T> {
  const found = await readFile(path, "utf8").catch(() => undefined);
  if (found !== undefined) return JSON.parse(found) as T;
  const made = await make();
  await writeSecret(path, JSON.stringify(made));
  return made;
}

/** Replaces a file in one step; mode 600. */
export async function writeSecret(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(4).toString("hex")}`;
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, path);
}

/** 128 bits, in characters that need no quoting in a URL or a configuration file. */
export function newPassword(): string {
  return randomBytes(16).toString("hex");
}
