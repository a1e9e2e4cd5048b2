import type { Command } from "commander";
import { readConfig } from "../../lib/config.ts";
import * as z from "zod";
import { tenantId } from "../../lib/envelope/envelope.ts";
import { dynamoClient } from "../../lib/dynamo/client.ts";
import { ensureKeysTable, tableStore } from "../dynamodb/keys-table.ts";
import { FailedError, UsageError } from "../cli/errors.ts";
import { AWS, notes } from "../cli/help.ts";
import { DEV } from "../service/instance.ts";
import { keysFileOf } from "../local/keys.ts";
import { fileStore } from "./file-store.ts";
import { createKey, hashOf, type KeyEntry, type KeyStore } from "./key-store.ts";

const VARIABLES = {
  API_KEYS_TABLE: "DynamoDB table that keeps the keys",
  API_KEYS_FILE: "file that keeps the keys (default: the file of `warren start`)",
  ...AWS,
};

/** Characters of a hash to show; enough to distinguish thousands of keys. */
const SHOWN = 12;
const SHORTEST = 6;

/** `warren keys …`. Only the key goes to stdout. */
export function define(command: Command): void {
  command.addHelpText("after", notes("warren keys create acme"));
  command
    .command("create")
    .description("Create a key and print it, once.")
    .argument("<tenant>", "the tenant to which events sent with this key belong")
    .addHelpText("after", notes("warren keys create acme", VARIABLES))
    .action((tenant: string) => create(storeOf(process.env), tenant));
  command
    .command("list")
    .description("Print the keys: start of the hash, creation time, tenant.")
    .option("--json", "print an array of objects: sha256, tenant, created_at")
    .addHelpText("after", notes("warren keys list", VARIABLES))
    .action(async ({ json = false }: { json?: boolean }) => {
      const entries = await storeOf(process.env).list();
      if (json) console.log(JSON.stringify(entries, null, 2));
      else for (const entry of entries) console.log(lineOf(entry));
    });
  command
    .command("revoke")
    .description("Revoke a key. It stops working within a minute.")
    .argument("<key>", "the key, or the start of its hash as listed")
    .addHelpText("after", notes("warren keys revoke 5f0c2a91d3be", VARIABLES))
    .action((which: string) => revoke(storeOf(process.env), which));
  command
    .command("create-table")
    .description("Create the DynamoDB table API_KEYS_TABLE unless it exists.")
    .addHelpText("after", notes("warren keys create-table", { API_KEYS_TABLE: "required", ...AWS }))
    .action(() => createTable(process.env));
}

async function create(store: KeyStore, tenant: string): Promise<void> {
  const { error } = tenantId.safeParse(tenant);
  if (error) throw new UsageError(`the tenant ${error.issues[0]?.message ?? "is wrong"}`);
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
  if (start.length < SHORTEST) throw new UsageError(`give ${SHORTEST} characters or more`);
  if (entry === undefined) throw new FailedError(`No such key in ${store.where}.`);
  if (found.length > 1)
    throw new UsageError(`${found.length} hashes begin with these characters: give more of them`);
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
  if (table && file) throw new UsageError("set API_KEYS_FILE or API_KEYS_TABLE, not both");
  return table ? tableStore(dynamoClient(), table) : fileStore(keysFileOf(DEV, env));
}

function lineOf({ sha256, tenant, created_at }: KeyEntry): string {
  return `${sha256.slice(0, SHOWN)}  ${created_at}  ${tenant}`;
}
