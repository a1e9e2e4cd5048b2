import { expect, test } from "vitest";
import { readRow, writeRow } from "./redis-ledger.ts";
import type { Row } from "./ledger.ts";

const forwarded: Row = {
  state: "forwarded",
  rev: "r1",
  digest: "9f86d0",
  attempt: "dead",
  generation: 2,
};

test("a done row is its rev and its digest", () => {
  const row: Row = { state: "done", rev: "r1", digest: "9f86d0" };
  expect(writeRow(row)).toBe("r1 9f86d0");
  expect(readRow("r1 9f86d0")).toEqual(row);
});

test("any other row is its rev and JSON", () => {
  const text = 'r1 {"state":"forwarded","digest":"9f86d0","attempt":"dead","generation":2}';
  expect(writeRow(forwarded)).toBe(text);
  expect(readRow(text)).toEqual(forwarded);
});

test.for([
  ["", "cannot be read"],
  ["r1", "cannot be read"],
  ["r1 ", "cannot be read"],
  [" 9f86d0", "cannot be read"],
  ["r1 {", "JSON"],
  ['r1 {"state":"done"}', "Invalid input"],
] as const)("%j is refused", ([text, problem]) => {
  expect(() => readRow(text)).toThrow(problem);
});
