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

/** Reads a file that Warren wrote. Throws an error that names the file if the content does not match. */
export async function readOwn<T extends z.ZodType>(
  path: string,
  schema: T,
): Promise<z.infer<T> | undefined> {
  const found = await readJson(path);
  if (found === undefined) return undefined;
  const { data, success } = schema.safeParse(found);
  if (success) return data;
  throw new Error(
    `${path} has a format that this version of Warren does not write: end the processes of that folder and delete it`,
  );
}

/** Replaces a file atomically, with mode 600. Creates a missing folder with mode 700. */
export async function writeSecret(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(4).toString("hex")}`;
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, path);
}

/** 128 bits, in characters that need no escaping in URLs and configuration files. */
export function newPassword(): string {
  return randomBytes(16).toString("hex");
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}
