import { expect, test } from "vitest";
import { fuse } from "./fusion.ts";

const sure = (...ids: string[]) => ids.map((id) => ({ id, confidence: 1 }));

test("what two signals name comes first, then the better places", () => {
  const fused = fuse([
    { signal: "taste", said: sure("a", "b", "c") },
    { signal: "together", said: sure("d", "c") },
  ]);
  expect(fused.map(({ id, signals }) => [id, signals])).toEqual([
    ["c", ["taste", "together"]],
    ["a", ["taste"]],
    ["d", ["together"]],
    ["b", ["taste"]],
  ]);
  expect(fused[0]!.score).toBeCloseTo(1 / 63 + 1 / 62, 12);
});

test("what a signal is not sure of counts for less", () => {
  const first = (confidence: number) =>
    fuse([
      { signal: "taste", said: sure("a", "b") },
      { signal: "together", said: [{ id: "far", confidence }] },
    ]).map(({ id }) => id);
  expect(first(0.9)).toEqual(["a", "b", "far"]);
  expect(first(0.99)).toEqual(["a", "far", "b"]);
});

test("without a signal there is nothing", () => {
  expect(fuse([])).toEqual([]);
  expect(fuse([{ signal: "taste", said: [] }])).toEqual([]);
});
