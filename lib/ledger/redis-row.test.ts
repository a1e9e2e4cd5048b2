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
  ["", "no body"],
  ["r1", "no body"],
  ["r1 ", "no body"],
  [" 9f86d0", "no body"],
  ["r1 {", "JSON"],
  ['r1 {"state":"done"}', "Invalid input"],
] as const)("%j is unreadable, not absent", ([text, problem]) => {
  expect(readRow(text)).toMatchObject({
    state: "unreadable",
    error: expect.stringContaining(problem),
  });
});
