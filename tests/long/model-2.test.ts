import { expect, test } from "vitest";
import { firstViolation } from "../model/search.ts";

/** The other half runs beside it, in model-1.test.ts. */
test("the model keeps its promises in 52,000 more schedules", { timeout: 900_000 }, async () => {
  expect(await firstViolation({ from: 52_001, to: 104_000 })).toBeUndefined();
});
