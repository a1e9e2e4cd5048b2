import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type * as z from "zod";

/** The JSON in a file, or `undefined` if there is no such file. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}

/** What we wrote ourselves; throws a sentence that names the file if it is something else. */
export async function readOwn<T extends z.ZodType>(
  path: string,
  schema: T,
): Promise<z.infer<T> | undefined> {
  const found = await readJson(path);
  if (found === undefined) return undefined;
  const { data, success } = schema.safeParse(found);
  if (success) return data;
  throw new Error(
    `${path} is not what this version of Warren writes: end the processes of that folder and delete it`,
  );
}

/** Replaces a file in one step; mode 600, its folder's 700 if there was none. */
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

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}
