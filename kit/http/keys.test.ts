import { createHash } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { keysContract } from "../../tests/contract/keys.ts";
import { fileKeys, apiKeyOf } from "./keys.ts";

const folder = mkdtempSync(join(tmpdir(), "warren-keys-"));
const path = join(folder, "keys.json");
afterEach(() => rmSync(path, { force: true }));
afterAll(() => rmSync(folder, { recursive: true }));

const fileOf = (keys: Record<string, string>) =>
  JSON.stringify({
    keys: Object.entries(keys).map(([key, tenant]) => ({
      sha256: createHash("sha256").update(key).digest("hex"),
      tenant,
      created_at: "2026-11-21T10:00:00Z",
    })),
  });

function setup(keys: Record<string, string>) {
  let time = 0;
  const logged: string[] = [];
  const log = {
    info: (_: unknown, text: string) => logged.push(text),
    error: (_: unknown, text: string) => logged.push(text),
  };
  writeFileSync(path, fileOf(keys));
  const ring = fileKeys(path, { now: () => time, log: log as never });
  return { ring, logged, pass: (ms: number) => (time += ms) };
}

keysContract("fileKeys", async (tenants) => {
  const tenantOfKey = Object.entries(tenants).map(([tenant, key]) => [key, tenant]);
  return setup(Object.fromEntries(tenantOfKey) as Record<string, string>).ring;
});

test("counts a replaced file within a second, and looks no more often", () => {
  const { ring, pass } = setup({ "key-a": "shop" });
  writeFileSync(`${path}.new`, fileOf({ "key-b": "shop" }));
  renameSync(`${path}.new`, path);

  pass(999);
  expect(ring.tenantOf("key-b")).toBeUndefined();
  pass(1);
  expect(ring.tenantOf("key-b")).toBe("shop");
  expect(ring.tenantOf("key-a")).toBeUndefined();
});

test("keeps the last good keys when the file breaks, says so once, and recovers", () => {
  const { ring, pass, logged } = setup({ "key-a": "shop" });
  writeFileSync(path, '{"keys": [');

  for (let i = 0; i < 3; i += 1) {
    pass(1_000);
    expect(ring.tenantOf("key-a")).toBe("shop");
  }
  expect(logged).toEqual(["kept the last API keys"]);

  writeFileSync(path, fileOf({ "key-b": "shop" }));
  pass(1_000);
  expect(ring.tenantOf("key-b")).toBe("shop");
});

test.each(["{}", "[", '{"keys":[{"sha256":"abc","tenant":"shop"}]}'])(
  "refuses to start with %s",
  (text) => {
    writeFileSync(path, text);
    const log = { info: () => {}, error: () => {} };
    expect(() => fileKeys(path, { now: () => 0, log })).toThrow(/is not a key file/);
  },
);

test("takes the key from either header", () => {
  const key = (headers: Record<string, string>) => apiKeyOf((name) => headers[name]);

  expect(key({ authorization: "Bearer abc" })).toBe("abc");
  expect(key({ authorization: "bearer  abc" })).toBe("abc");
  expect(key({ "x-api-key": "abc" })).toBe("abc");
  expect(key({ authorization: "Basic abc" })).toBeUndefined();
  expect(key({})).toBeUndefined();
});
