import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fingerprintOf } from "./fingerprint.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "warren-fingerprint-"));
  for (const folder of ["events", "kit", "lib", "functions/mail"]) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await write("serverless.yml", "functions: {}");
  await write("functions/mail/config.ts", "z.object({ MAIL_URL: z.url() })");
});
afterEach(() => rm(root, { recursive: true }));

const write = (file: string, text: string) => writeFile(join(root, file), text);
const env = { MAIL_URL: "a", TERM: "x" };

test("is the same while nothing that the host runs has changed", async () => {
  const before = await fingerprintOf(root, env);
  await write("functions/mail/mail.test.ts", "test()");
  expect(await fingerprintOf(root, { TERM: "y", MAIL_URL: "a" })).toBe(before);
});

test.each([
  ["serverless.yml", "functions: { mail: {} }"],
  ["functions/mail/handler.ts", "new"],
  ["kit/stamped.ts", "new"],
  ["lib/log.ts", "new"],
])("changes with %s", async (file, text) => {
  const before = await fingerprintOf(root, env);
  await write(file, text);
  expect(await fingerprintOf(root, env)).not.toBe(before);
});

test("changes with a variable that a config.ts names", async () => {
  const before = await fingerprintOf(root, env);
  expect(await fingerprintOf(root, { ...env, MAIL_URL: "b" })).not.toBe(before);
});
