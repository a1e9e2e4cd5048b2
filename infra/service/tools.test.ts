import { expect, test } from "vitest";
import { JAVA, MAVEN, missingOf, type Program, run, succeeds } from "./tools.ts";

test("a program that is there is not installed, one that is not names its package", async () => {
  const isThere = async (program: Program) => program === JAVA;
  expect(await missingOf([JAVA, MAVEN], isThere)).toEqual(["maven"]);
  expect(await missingOf([JAVA, MAVEN], async () => false)).toEqual([
    "default-jre-headless",
    "maven",
  ]);
});

test("a command counts as there only if it runs and succeeds", async () => {
  expect(await succeeds("true")).toBe(true);
  expect(await succeeds("false")).toBe(false);
  expect(await succeeds("no-such-command")).toBe(false);
});

test("a failed command is reported with what it said last, on either stream", async () => {
  const failing = run("sh", ["-c", "echo [ERROR] no such artifact; echo hint >&2; exit 1"], {
    timeoutMs: 1_000,
  });
  await expect(failing).rejects.toThrow(/failed:\n\[ERROR\] no such artifact\n+hint$/);
});

test("a command that takes too long is ended and reported as such", async () => {
  await expect(run("sleep", ["60"], { timeoutMs: 50 })).rejects.toThrow(
    "did not finish within 0.05 s",
  );
});
