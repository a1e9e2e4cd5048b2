import { expect, test } from "vitest";
import { fuse } from "./fusion.ts";

test("what two signals name comes first, then the better places", () => {
  const fused = fuse([
    { signal: "taste", ids: ["a", "b", "c"] },
    { signal: "together", ids: ["d", "c"] },
  ]);
  expect(fused.map(({ id, signals }) => [id, signals])).toEqual([
    ["c", ["taste", "together"]],
    ["a", ["taste"]],
    ["d", ["together"]],
    ["b", ["taste"]],
  ]);
  expect(fused[0]!.score).toBeCloseTo(1 / 63 + 1 / 62, 12);
});

test("without a signal there is nothing", () => {
  expect(fuse([])).toEqual([]);
  expect(fuse([{ signal: "taste", ids: [] }])).toEqual([]);
});
