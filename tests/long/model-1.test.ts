import { expect, test } from "vitest";
import { firstViolation } from "../model/search.ts";

/** The other half runs beside it, in model-2.test.ts. */
test("the model keeps its promises in 52,000 schedules", { timeout: 900_000 }, async () => {
  expect(await firstViolation({ from: 1, to: 52_000 })).toBeUndefined();
});
