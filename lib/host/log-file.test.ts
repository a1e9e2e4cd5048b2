import { closeSync, openSync, writeSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rotate, shiftLogs } from "./log-file.ts";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "warren-log-"));
  file = join(folder, "log");
});
afterEach(() => rm(folder, { recursive: true }));

const MAX_BYTES = 1_000;

test("processes that hold the file open lose no line, and the newest files are kept", async () => {
  const writers = [openSync(file, "a", 0o600), openSync(file, "a", 0o600)];
  const lines = Array.from({ length: 600 }, (_, i) => `line ${String(i).padStart(4, "0")}\n`);
  for (const [i, line] of lines.entries()) {
    writeSync(writers[i % 2]!, line);
    rotate(file, MAX_BYTES);
  }
  writers.forEach(closeSync);

  const names = ["log.4", "log.3", "log.2", "log.1", "log"];
  expect((await readdir(folder)).sort()).toEqual(names.toReversed());
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  expect(lines.join("").endsWith(texts.join(""))).toBe(true);
  expect(texts.join("").length).toBeGreaterThan(4 * MAX_BYTES);
  expect((await stat(file)).size).toBeLessThanOrEqual(MAX_BYTES);
  expect((await stat(`${file}.1`)).mode & 0o777).toBe(0o600);
});

test("a small file stays as it is", async () => {
  await writeFile(file, "why it ended\n");
  rotate(file, MAX_BYTES);
  expect(await readdir(folder)).toEqual(["log"]);
});

test("a new start keeps the log of the last one", async () => {
  shiftLogs(file);
  await writeFile(file, "why it ended\n");
  shiftLogs(file);
  expect(await readdir(folder)).toEqual(["log.1"]);
  expect(await readFile(`${file}.1`, "utf8")).toBe("why it ended\n");
});
