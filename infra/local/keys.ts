import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { tenantId } from "../../lib/envelope.ts";
import { readJson, writeSecret } from "./files.ts";
import { DEV } from "./instance.ts";
import { locked } from "./lock.ts";

/** What functions/ingest reads: hashes, never keys. */
const keysFile = z.object({
  keys: z.array(z.looseObject({ sha256: z.string(), tenant: z.string(), created_at: z.string() })),
});

/** `API_KEYS_FILE`, else a file of the instance. */
export function keysFileOf(directory: string, env: NodeJS.ProcessEnv): string {
  return env["API_KEYS_FILE"] || join(directory, "keys.json");
}

/** Makes a key for the tenant, keeps its hash in `file`, and returns it: nobody can show it again. */
export async function createKey(
  file: string,
  tenant: string,
  now: () => number = Date.now,
): Promise<string> {
  tenantId.parse(tenant);
  return locked(file, async () => {
    const { keys } = await read(file);
    const key = `wk_${randomBytes(24).toString("base64url")}`;
    const created_at = new Date(now()).toISOString();
    const all = { keys: [...keys, { sha256: hashOf(key), tenant, created_at }] };
    await writeSecret(file, `${JSON.stringify(all, null, 2)}\n`);
    return key;
  });
}

/** The key that `npm start` made for tenant `default`, as long as the key file holds its hash. */
export async function findDefaultKey(directory: string, file: string): Promise<string | undefined> {
  const key = await readFile(defaultKeyFile(directory), "utf8").catch(() => undefined);
  if (key === undefined) return undefined;
  const { keys } = await read(file);
  return keys.some(({ sha256 }) => sha256 === hashOf(key)) ? key : undefined;
}

/** The same, made now if there is none. */
export async function ensureDefaultKey(directory: string, file: string): Promise<string> {
  const found = await findDefaultKey(directory, file);
  if (found !== undefined) return found;
  const key = await createKey(file, "default");
  await writeSecret(defaultKeyFile(directory), key);
  return key;
}

/** `warren keys create <tenant>`; the key alone goes to stdout. */
export async function command([verb, tenant, ...rest]: string[]): Promise<number> {
  if (verb !== "create" || tenant === undefined || rest.length > 0) {
    console.error("Usage: warren keys create <tenant>");
    return 2;
  }
  const { error } = tenantId.safeParse(tenant);
  if (error !== undefined) {
    console.error(`The tenant ${error.issues[0]?.message ?? "is wrong"}.`);
    return 2;
  }
  const file = keysFileOf(DEV, process.env);
  const key = await createKey(file, tenant);
  console.error(`A key for tenant ${tenant}; its hash is in ${file}. It cannot be shown again:`);
  console.log(key);
  return 0;
}

async function read(file: string): Promise<z.infer<typeof keysFile>> {
  // A text that is no JSON is no key file either; the parser's message would quote from it.
  const found = await readJson(file).catch((error: unknown) => {
    if (error instanceof SyntaxError) return null;
    throw error;
  });
  const { data } = keysFile.safeParse(found === undefined ? { keys: [] } : found);
  if (data === undefined) throw new Error(`${file} is no key file: it must be {"keys":[…]}`);
  return data;
}

function defaultKeyFile(directory: string): string {
  return join(directory, "default-key");
}

function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}
