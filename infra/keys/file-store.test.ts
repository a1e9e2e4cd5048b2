import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fileStore } from "./file-store.ts";
import { createKey, hashOf, type KeyStore } from "./key-store.ts";

let folder: string;
let file: string;
let store: KeyStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "warren-keys-"));
  file = join(folder, "keys.json");
  store = fileStore(file);
});

afterEach(() => rm(folder, { recursive: true }));

test("the file holds the hash of a key and its tenant, never the key", async () => {
  const key = await createKey(store, "shop-1", () => Date.parse("2026-11-21T06:00:00Z"));

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
  await Promise.all(tenants.map((tenant) => createKey(store, tenant)));

  const { keys } = JSON.parse(await readFile(file, "utf8")) as { keys: { tenant: string }[] };
  expect(keys.map(({ tenant }) => tenant).sort()).toEqual(tenants);
});

test("a file that is not a key file is left alone", async () => {
  await writeFile(file, "wk_secret, somebody's notes");
  await expect(createKey(store, "a")).rejects.toThrow(`${file} is not a key file`);
  expect(await readFile(file, "utf8")).toBe("wk_secret, somebody's notes");
});

test("a tenant that no event could name gets no key", async () => {
  await expect(createKey(store, "two words")).rejects.toThrow("must be 1 to 64 of the characters");
});

test("lists the oldest key first, and a removed one no more", async () => {
  const at = (time: string) => () => Date.parse(time);
  const second = await createKey(store, "b", at("2026-11-21T07:00:00Z"));
  await createKey(store, "a", at("2026-11-21T06:00:00Z"));
  expect((await store.list()).map(({ tenant }) => tenant)).toEqual(["a", "b"]);

  await store.remove(hashOf(second));
  expect((await store.list()).map(({ tenant }) => tenant)).toEqual(["a"]);
});
