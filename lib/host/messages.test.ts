import { expect, test } from "vitest";
import { finishMs } from "./messages.ts";

test.each([
  [25_000, 10_000],
  [60_000, 45_000],
  // Docker's 10 s less one: too short for every deadline, so the larger part is for handing back.
  [9_000, 3_000],
])("of %i ms grace what runs may finish for %i", (grace, finish) => {
  expect(finishMs(grace)).toBe(finish);
});
