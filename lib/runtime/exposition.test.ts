import { expect, test } from "vitest";
import { openExposition } from "./exposition.ts";

function opened(env: { AWS_LAMBDA_FUNCTION_NAME?: string }, write?: (line: string) => void) {
  const lines: string[] = [];
  const errors: unknown[] = [];
  const exposition = openExposition({
    config: { ...env, METRICS_NAMESPACE: "Warren/test" },
    log: { error: (line: unknown) => void errors.push(line) } as never,
    now: () => 1_795_000_000_000,
    write: write ?? ((line) => void lines.push(line)),
  });
  return { ...exposition, lines, errors };
}
const LAMBDA = { AWS_LAMBDA_FUNCTION_NAME: "warren-test-graph" };
const name = "graph";

test("on Lambda each invocation ends with its metrics, as lines", async () => {
  const { metrics, exposed, lines } = opened(LAMBDA);
  const handler = exposed(async (size: number) => {
    metrics.batch({ name, result: "settled", size, seconds: 1 });
    return "answer";
  });
  expect(await handler(3)).toBe("answer");

  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^\{.*"warren_batch_messages":3.*\}\n$/);
});

test("an invocation that fails tells its metrics, too", async () => {
  const { metrics, exposed, lines } = opened(LAMBDA);
  const handler = exposed(async () => {
    metrics.ledgerFailed({ name });
    throw new Error("ledger away");
  });
  await expect(handler()).rejects.toThrow("ledger away");
  expect(lines.join("")).toContain('"warren_ledger_errors_total":1');
});

test("metrics that cannot be written do not undo what was done", async () => {
  const { metrics, exposed, errors } = opened(LAMBDA, () => {
    throw new Error("stdout is closed");
  });
  const handler = exposed(async () => {
    metrics.sink({ name, down: false });
    return "settled";
  });
  expect(await handler()).toBe("settled");
  expect(errors).toEqual([{ err: new Error("stdout is closed") }]);
});

test("in a container nothing is written, and observations are not piled up", async () => {
  const { metrics, exposed, lines } = opened({});
  const handler = exposed(async () =>
    metrics.batch({ name, result: "settled", size: 1, seconds: 1 }),
  );
  await handler();
  expect(lines).toEqual([]);
  expect(metrics.takeSamples()).toEqual([]);
  expect(await metrics.registry.metrics()).toContain("process_resident_memory_bytes");
});

test("Lambda's processes have no metrics of Node's own: each would be paid for", async () => {
  const { metrics } = opened(LAMBDA);
  expect(await metrics.registry.metrics()).not.toMatch(/^(process|nodejs)_/m);
});
