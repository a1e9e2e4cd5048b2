import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeSecret } from "./files.ts";
import { DEV } from "./instance.ts";
import { locked } from "./lock.ts";

/** What functions/ingest reads: hashes, never keys. */
type KeysFile = { keys: { sha256: string; tenant: string; created_at: string }[] };

const TENANT = /^[A-Za-z0-9._-]{1,64}$/;

/** Makes a key for the tenant, keeps its hash, and returns the key: nobody can show it again. */
export async function createKey(path: string, tenant: string): Promise<string> {
  if (!TENANT.test(tenant)) {
    throw new Error("a tenant is 1 to 64 of the characters A-Z a-z 0-9 . _ -");
  }
  const text = await readFile(path, "utf8").catch(() => '{"keys":[]}');
  const file = JSON.parse(text) as KeysFile;
  const key = `wk_${randomBytes(24).toString("base64url")}`;
  const sha256 = createHash("sha256").update(key).digest("hex");
  file.keys.push({ sha256, tenant, created_at: new Date().toISOString() });
  await writeSecret(path, `${JSON.stringify(file, null, 2)}\n`);
  return key;
}

/** The key that `npm start` made for tenant `default`; made now if there is none. */
export async function defaultKey(directory: string): Promise<string> {
  const path = join(directory, "default-key");
  const found = await readFile(path, "utf8").catch(() => undefined);
  if (found !== undefined) return found;
  const key = await createKey(keysFile(directory), "default");
  await writeSecret(path, key);
  return key;
}

export function keysFile(directory: string): string {
  return process.env["API_KEYS_FILE"] ?? join(directory, "keys.json");
}

/** `warren keys create <tenant>`; the key alone goes to stdout. */
export async function command([verb, tenant, ...rest]: string[]): Promise<number> {
  if (verb !== "create" || tenant === undefined || rest.length > 0) {
    console.error("Usage: warren keys create <tenant>");
    return 2;
  }
  const path = keysFile(DEV);
  const key = await locked(join(DEV, "keys"), () => createKey(path, tenant));
  console.error(`A key for tenant ${tenant}; its hash is in ${path}. It cannot be shown again:`);
  console.log(key);
  return 0;
}
