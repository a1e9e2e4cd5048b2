import { expect, test } from "vitest";
import { timeoutOf } from "./context.ts";

test.each([
  ["the first invocation has used some ms", [29_991], 30_000],
  ["it repeats an initialisation, the second does not", [21_400, 29_998], 30_000],
  ["a later one is late", [60_000, 48_000], 60_000],
])("tells the time-out when %s", (_, remaining, expected) => {
  const timeoutMs = timeoutOf();
  const told = remaining.map((ms) =>
    timeoutMs({
      functionName: "probe",
      awsRequestId: "1",
      getRemainingTimeInMillis: () => ms,
    }),
  );
  expect(told.at(-1)).toBe(expected);
});
