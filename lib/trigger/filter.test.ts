import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FilterError, filterOf } from "./filter.ts";

type Verdict = { data: object } & ({ matches: [string, boolean][] } | { refused: string });

/** What AWS's own engine says of the patterns in patterns.json; tests/golden/Golden.java makes it. */
const verdicts = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../tests/golden/verdicts.json"), "utf8"),
) as Verdict[];

const bodyOf = (text: string) => Buffer.from(text);
const textOf = (json: string) => {
  const value: unknown = JSON.parse(json);
  return typeof value === "string" ? value : json;
};

const decided = verdicts.filter((verdict) => "matches" in verdict);
const refused = verdicts.filter((verdict) => "refused" in verdict);

test.each(decided)("decides as AWS's engine does on $data", ({ data, matches }) => {
  const filter = filterOf([{ data }]);
  expect(matches.map(([json]) => [json, filter(bodyOf(textOf(json)))])).toEqual(matches);
});

test.each(refused)("refuses $data, as AWS's engine does", ({ data }) => {
  expect(() => filterOf([{ data }])).toThrow(FilterError);
});

test("takes a message that satisfies any of several patterns", () => {
  const filter = filterOf([{ data: { a: [1] } }, { data: { b: [2] } }]);
  const bodies = ['{"a":1}', '{"b":2}', '{"a":2,"b":1}'];
  expect(bodies.map((body) => filter(bodyOf(body)))).toEqual([true, true, false]);
});

test.each([
  ["a plain string, under a pattern for JSON", { a: [1] }, bodyOf("hello")],
  ["JSON, under a pattern for plain strings", ["hello"], bodyOf('{"a":1}')],
  ["what is no UTF-8", { a: [1] }, Buffer.from([0xff, 0xfe])],
])("lets through what it cannot look into: %s", (_, data, body) => {
  expect(filterOf([{ data }])(body)).toBe(true);
});

test.each([
  [[], "there are 1 to 10 patterns, not 0"],
  [Array(11).fill({ data: ["a"] }), "there are 1 to 10 patterns, not 11"],
  [["text"], "0: a pattern is an object"],
  [[{ data: ["a"] }, { basicProperties: { type: ["a"] } }], "1.basicProperties: Amazon MQ"],
  [[{}], "0.data: is an object, or an array"],
  [[{ data: { a: { b: [{ wildcard: "x*" }] } } }], "0.data.a.b.0.wildcard: Lambda's event filter"],
  [[{ data: { a: [{ "anything-but": { prefix: "x" } }] } }], "0.data.a.0.anything-but: is a"],
  [[{ data: { $or: [{ a: [1] }] } }], "0.data.$or: is an array of two patterns"],
])("refuses %j and names the place", (patterns, message) => {
  expect(() => filterOf(patterns)).toThrow(message);
});
