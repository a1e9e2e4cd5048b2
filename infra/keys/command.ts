import { readConfig } from "../../lib/config.ts";
import * as z from "zod";
import { tenantId } from "../../lib/envelope/envelope.ts";
import { dynamoClient } from "../../lib/dynamo/client.ts";
import { ensureKeysTable, tableStore } from "../dynamodb/keys-table.ts";
import { DEV } from "../service/instance.ts";
import { keysFileOf } from "../local/keys.ts";
import { fileStore } from "./file-store.ts";
import { createKey, hashOf, type KeyEntry, type KeyStore } from "./key-store.ts";

const USAGE = `Usage: warren keys create <tenant>   prints the key, once
       warren keys list              when each was made, for whom, and the start of its hash
       warren keys revoke <key>      by the key itself or the start of its hash
       warren keys create-table      makes the table, unless it is there

Keys are kept in the DynamoDB table API_KEYS_TABLE, else in the file API_KEYS_FILE, else in the
file of \`npm start\`.
`;

/** Shown of a hash; enough to tell thousands of keys apart. */
const SHOWN = 12;
const SHORTEST = 6;

/** What was asked for cannot be done; the message says why. */
class RefusedError extends Error {
  override name = "RefusedError";
}

/** `warren keys …`; the key alone goes to stdout. */
export async function command(args: string[]): Promise<number> {
  const [verb, subject, ...rest] = args;
  const wanted = verb === "create" || verb === "revoke" ? 1 : 0;
  if (rest.length > 0 || (subject === undefined ? 0 : 1) !== wanted) return misused();
  try {
    switch (verb) {
      case "create":
        await create(storeOf(process.env), subject!);
        return 0;
      case "list":
        for (const entry of await storeOf(process.env).list()) console.log(lineOf(entry));
        return 0;
      case "revoke":
        await revoke(storeOf(process.env), subject!);
        return 0;
      case "create-table":
        await createTable(process.env);
        return 0;
      case undefined:
      default:
        return misused();
    }
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    console.error(error.message);
    return 2;
  }
}

function misused(): number {
  console.error(USAGE);
  return 2;
}

async function create(store: KeyStore, tenant: string): Promise<void> {
  const { error } = tenantId.safeParse(tenant);
  if (error) throw new RefusedError(`The tenant ${error.issues[0]?.message ?? "is wrong"}.`);
  const key = await createKey(store, tenant);
  console.error(
    `A key for tenant ${tenant}; its hash is in ${store.where}. It cannot be shown again:`,
  );
  console.log(key);
}

async function revoke(store: KeyStore, which: string): Promise<void> {
  const entries = await store.list();
  const start = which.startsWith("wk_") ? hashOf(which) : which.toLowerCase();
  const found = entries.filter(({ sha256 }) => sha256.startsWith(start));
  const [entry] = found;
  if (start.length < SHORTEST) throw new RefusedError(`Give ${SHORTEST} characters or more.`);
  if (entry === undefined) throw new RefusedError(`No such key in ${store.where}.`);
  if (found.length > 1) throw new RefusedError(`${found.length} hashes begin so: give more of it.`);
  await store.remove(entry.sha256);
  console.log(`Revoked: ${lineOf(entry)}`);
}

async function createTable(env: NodeJS.ProcessEnv): Promise<void> {
  const { API_KEYS_TABLE: table } = readConfig(z.object({ API_KEYS_TABLE: z.string() }), env);
  await ensureKeysTable(dynamoClient(), table);
  console.log(`Table "${table}" is ready.`);
}

function storeOf(env: NodeJS.ProcessEnv): KeyStore {
  const { API_KEYS_TABLE: table, API_KEYS_FILE: file } = env;
  if (table && file) throw new RefusedError("Give API_KEYS_FILE or API_KEYS_TABLE, not both.");
  return table ? tableStore(dynamoClient(), table) : fileStore(keysFileOf(DEV, env));
}

function lineOf({ sha256, tenant, created_at }: KeyEntry): string {
  return `${sha256.slice(0, SHOWN)}  ${created_at}  ${tenant}`;
}
