import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createKey, ensureDefaultKey, findDefaultKey, keysFileOf } from "./keys.ts";

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "warren-keys-"));
  file = join(folder, "keys.json");
});

afterEach(() => rm(folder, { recursive: true }));

test("the file holds the hash of a key and its tenant, never the key", async () => {
  const key = await createKey(file, "shop-1", () => Date.parse("2026-11-21T06:00:00Z"));

  expect(key).toMatch(/^wk_[A-Za-z0-9_-]{32}$/);
  const sha256 = createHash("sha256").update(key).digest("hex");
  const text = await readFile(file, "utf8");
  expect(JSON.parse(text)).toEqual({
    keys: [{ sha256, tenant: "shop-1", created_at: "2026-11-21T06:00:00.000Z" }],
  });
  expect(text).not.toContain(key);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test("keys that are made at the same time are all kept", async () => {
  const tenants = ["a", "b", "c", "d", "e"];
  await Promise.all(tenants.map((tenant) => createKey(file, tenant)));

  const { keys } = JSON.parse(await readFile(file, "utf8")) as { keys: { tenant: string }[] };
  expect(keys.map(({ tenant }) => tenant).sort()).toEqual(tenants);
});

test("a file that is no key file is left alone", async () => {
  await writeFile(file, "wk_secret, somebody's notes");
  await expect(createKey(file, "a")).rejects.toThrow(`${file} is no key file`);
  expect(await readFile(file, "utf8")).toBe("wk_secret, somebody's notes");
});

test("a tenant that no event could name gets no key", async () => {
  await expect(createKey(file, "two words")).rejects.toThrow("must be 1 to 64 of the characters");
});

test("the default key is made once, and anew when the key file no longer knows it", async () => {
  expect(await findDefaultKey(folder, file)).toBe(undefined);
  const key = await ensureDefaultKey(folder, file);
  expect(await ensureDefaultKey(folder, file)).toBe(key);
  expect((await stat(join(folder, "default-key"))).mode & 0o777).toBe(0o600);

  await writeFile(file, '{"keys":[]}');
  expect(await findDefaultKey(folder, file)).toBe(undefined);
  expect(await ensureDefaultKey(folder, file)).not.toBe(key);
});

test("API_KEYS_FILE wins over the instance's own file; empty it counts as absent", () => {
  expect(keysFileOf("/here", { API_KEYS_FILE: "/there.json" })).toBe("/there.json");
  expect(keysFileOf("/here", { API_KEYS_FILE: "" })).toBe("/here/keys.json");
});
