import fc from "fast-check";
import { expect, test } from "vitest";
import { deliveryHeaders } from "./event.ts";

const fresh = {
  attempt: 1,
  generation: 1,
  copy: undefined,
  notBefore: undefined,
  suspect: false,
  firstFailedAt: undefined,
  deliveryCount: 0,
};

test.each([[undefined], [null], [{}]])("a message with headers %j is fresh", (headers) => {
  expect(deliveryHeaders(headers)).toEqual(fresh);
});

test("reads what a copy carries", () => {
  const headers = {
    "warren-attempt": 3,
    "warren-generation": 2,
    "warren-copy": 281_474_976_710_655,
    "warren-not-before": 1_795_000_000_000,
    "warren-suspect": 1,
    "warren-first-failed-at": 1_794_000_000_000,
    "x-delivery-count": 4,
  };
  expect(deliveryHeaders(headers)).toEqual({
    attempt: 3,
    generation: 2,
    copy: 281_474_976_710_655,
    notBefore: 1_795_000_000_000,
    suspect: true,
    firstFailedAt: 1_794_000_000_000,
    deliveryCount: 4,
  });
});

test.each([
  ["3"],
  [-1],
  [1.5],
  [Number.NaN],
  [Number.POSITIVE_INFINITY],
  [2 ** 60],
  [true],
  [null],
  [{ bytes: [51] }],
  [[3]],
])("counts %j as absent in every header", (value) => {
  const names = ["attempt", "generation", "copy", "not-before", "suspect", "first-failed-at"];
  const headers = Object.fromEntries(names.map((name) => [`warren-${name}`, value]));
  expect(deliveryHeaders({ ...headers, "x-delivery-count": value })).toEqual(fresh);
});

test("survives any headers", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.anything()), fc.anything(), (others, value) => {
      const { attempt, generation } = deliveryHeaders({ ...others, "warren-attempt": value });
      expect(attempt).toBeGreaterThanOrEqual(1);
      expect(generation).toBe(1);
    }),
    { numRuns: 200 },
  );
});
