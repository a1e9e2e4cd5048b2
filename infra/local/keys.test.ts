import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ensureDefaultKey, findDefaultKey, keysFileOf } from "./keys.ts";

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "warren-keys-"));
  file = join(folder, "keys.json");
});

afterEach(() => rm(folder, { recursive: true }));

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
