import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileStore } from "../keys/file-store.ts";
import { createKey, hashOf } from "../keys/key-store.ts";
import { writeSecret } from "../service/files.ts";

/** `API_KEYS_FILE`, else a file in the instance's folder. */
export function keysFileOf(directory: string, env: NodeJS.ProcessEnv): string {
  return env["API_KEYS_FILE"] || join(directory, "keys.json");
}

/** The key that `npm start` made for tenant `default`, as long as the key file holds its hash. */
export async function findDefaultKey(directory: string, file: string): Promise<string | undefined> {
  const key = await readFile(defaultKeyFile(directory), "utf8").catch(() => undefined);
  if (key === undefined) return undefined;
  const entries = await fileStore(file).list();
  return entries.some(({ sha256 }) => sha256 === hashOf(key)) ? key : undefined;
}

/** The same key; creates it if there is none. */
export async function ensureDefaultKey(directory: string, file: string): Promise<string> {
  const found = await findDefaultKey(directory, file);
  if (found !== undefined) return found;
  const key = await createKey(fileStore(file), "default");
  await writeSecret(defaultKeyFile(directory), key);
  return key;
}

function defaultKeyFile(directory: string): string {
  return join(directory, "default-key");
}
