import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { DeleteTableCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { contracts } from "../../events/catalogue.ts";
import { createApp } from "../../functions/ingest/app.ts";
import { eventIds } from "../../functions/ingest/accept.ts";
import { KeysUnavailableError, type Keys } from "../../kit/http/keys.ts";
import { tableKeys } from "../../kit/http/table-keys.ts";
import { ensureKeysTable, tableStore } from "../../infra/dynamodb/keys-table.ts";
import { createKey, hashOf, type KeyStore } from "../../infra/keys/key-store.ts";
import { dynamoClient } from "../../lib/dynamo/client.ts";
import { createMetrics } from "../../lib/runtime/metrics.ts";
import { keysContract } from "../contract/keys.ts";
import { endpoint } from "./dynamo.ts";
import { tcpProxy, type TcpProxy } from "./tcp-proxy.ts";

const table = `test-keys-${randomUUID()}`;
const CLI = join(import.meta.dirname, "../../cli.ts");

let admin: DynamoDBClient;
let store: KeyStore;
let proxy: TcpProxy;
let keys: Keys;
let time: number;
let logged: string[];

beforeAll(async () => {
  admin = dynamoClient({ endpoint });
  store = tableStore(admin, table);
  await ensureKeysTable(admin, table);
  await ensureKeysTable(admin, table);
});
afterAll(async () => {
  await admin.send(new DeleteTableCommand({ TableName: table }));
  admin.destroy();
});

beforeEach(async () => {
  const { hostname: host, port } = new URL(endpoint);
  proxy = await tcpProxy({ host, port: Number(port) });
  time = 1_000_000;
  logged = [];
  const log = (_: unknown, text: string) => void logged.push(text);
  keys = tableKeys({
    client: dynamoClient({ endpoint: `http://127.0.0.1:${proxy.port}`, now: () => time }),
    table,
    now: () => time,
    log: { info: log, warn: log } as never,
  });
});
afterEach(async () => {
  keys.close();
  await proxy.close();
});

test("a table that is missing is named, with what makes it", async () => {
  const missing = tableStore(admin, `${table}-missing`);
  await expect(missing.list()).rejects.toThrow(
    `There is no DynamoDB table "${table}-missing" (API_KEYS_TABLE). Run \`warren keys create-table\` to create it.`,
  );
});

keysContract("tableKeys", async (tenants) => {
  for (const [tenant, key] of Object.entries(tenants)) {
    await store.add({ sha256: hashOf(key), tenant, created_at: "2026-11-21T06:00:00.000Z" });
  }
  return keys;
});

test("a revoked key stops working within a minute, and asks for it once a minute", async () => {
  const key = await createKey(store, "shop");
  await keys.tenantOf(key);
  await store.remove(hashOf(key));

  time += 59_999;
  expect(keys.tenantOf(key)).toBe("shop");
  time += 1;
  expect(await keys.tenantOf(key)).toBe(undefined);
});

test("a key that was tried before it was made works within 5 s", async () => {
  const key = `wk_${randomUUID()}`;
  expect(await keys.tenantOf(key)).toBe(undefined);
  await store.add({ sha256: hashOf(key), tenant: "shop", created_at: "2026-11-21T06:00:00.000Z" });

  time += 4_999;
  expect(await keys.tenantOf(key)).toBe(undefined);
  time += 1;
  expect(await keys.tenantOf(key)).toBe("shop");
});

test("while DynamoDB is away known keys go on for an hour, and nobody hears that his key is wrong", async () => {
  const key = await createKey(store, "shop");
  const other = await createKey(store, "bank");
  await keys.tenantOf(key);
  proxy.cut();

  await expect(keys.tenantOf(other)).rejects.toThrow(KeysUnavailableError);
  time += 3_600_000;
  expect(await keys.tenantOf(key)).toBe("shop");
  time += 5_000;
  await expect(keys.tenantOf(key)).rejects.toThrow(KeysUnavailableError);
  expect(logged).toEqual(["API keys cannot be checked"]);

  proxy.restore();
  expect(await keys.tenantOf(other)).toBe("bank");
  expect(logged).toEqual(["API keys cannot be checked", "API keys can be checked again"]);
});

test("a request with a key that cannot be checked is told to come again", async () => {
  const key = await createKey(store, "shop");
  proxy.cut();
  expect(await post(key)).toEqual({
    status: 503,
    retryAfter: "5",
    answer: {
      type: "about:blank",
      title: "Service Unavailable",
      status: 503,
      code: "keys_unavailable",
      detail: "the key cannot be checked now; nothing was done",
    },
  });
  proxy.restore();
  expect(await post(key)).toMatchObject({ status: 202 });
  expect(await post("nobody's")).toMatchObject({ status: 401 });
});

test("a table that does not answer is waited for 2 s, once for all who ask for one key", async () => {
  proxy.silence();
  const started = performance.now();
  const asked = [keys.tenantOf("key"), keys.tenantOf("key")];
  expect(asked[0]).toBe(asked[1]);
  await expect(asked[0]).rejects.toThrow(KeysUnavailableError);
  expect(performance.now() - started).toBeLessThan(3_000);
});

test("connections that went away without a word while nobody asked are not used again", async () => {
  const key = await createKey(store, "shop");
  await keys.tenantOf("another");
  proxy.strand();
  time += 10_000;

  const started = performance.now();
  expect(await keys.tenantOf(key)).toBe("shop");
  expect(performance.now() - started).toBeLessThan(1_500);
});

test("`warren keys` makes, lists and revokes keys of the table", async () => {
  const key = (await warren("create", "command-line")).stdout.trim();
  expect(key).toMatch(/^wk_[A-Za-z0-9_-]{32}$/);
  expect(await keys.tenantOf(key)).toBe("command-line");

  const shown = hashOf(key).slice(0, 12);
  const { stdout } = await warren("list");
  expect(stdout).toMatch(new RegExp(`^${shown}  \\S+Z  command-line$`, "m"));
  expect(stdout).not.toContain(key);

  expect((await warren("revoke", shown)).stdout).toContain(`Revoked: ${shown}`);
  await expect(warren("revoke", key)).rejects.toMatchObject({ code: 1 });
});

function warren(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env;
  const credentials = { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY };
  const env = { ...credentials, AWS_ENDPOINT_URL_DYNAMODB: endpoint, API_KEYS_TABLE: table };
  return promisify(execFile)(process.execPath, [CLI, "keys", ...args], { env });
}

async function post(key: string) {
  const { type, sample: data } = contracts[0];
  const app = createApp({
    publisher: { publish: async () => {}, ready: () => true },
    keys,
    metrics: createMetrics(),
    log: { warn: () => {}, error: () => {} },
    newId: eventIds(Date.now),
    now: Date.now,
    bodyTimeoutMs: 1_000,
  });
  const response = await app.request("/events", {
    method: "POST",
    body: JSON.stringify({ type, data }),
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
  });
  const retryAfter = response.headers.get("retry-after");
  return { status: response.status, retryAfter, answer: await response.json() };
}
