import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const CLI = join(import.meta.dirname, "../../cli.ts");

test("a Qdrant that does not answer is said in a line, without a stack", async () => {
  const env = { ...process.env, QDRANT_URL: "http://127.0.0.1:1", NODE_OPTIONS: "" };
  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile(process.execPath, [CLI, "vectors", "check"], { env }, (error, _, text) =>
      resolve({ code: error?.code, stderr: text }),
    );
  });
  expect(stderr).toMatch(/^Qdrant does not answer: .*\n$/);
  expect(code).toBe(1);
});
