import { expect, test } from "vitest";
import { eventIds, timeOf } from "./accept.ts";

test("makes ids that tell their time, differ, and ascend even when the clock does not", () => {
  const times = [1_795_000_000_123, 1_795_000_000_123, 1_795_000_000_100, 1_795_000_000_124];
  let at = 0;
  const newId = eventIds(() => times[at++ % times.length] ?? 0);
  const ids = Array.from({ length: 4 }, newId);

  expect(ids[0]).toMatch(
    /^evt_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  expect(ids.map(timeOf)).toEqual([
    "2026-11-18T11:06:40.123000Z",
    "2026-11-18T11:06:40.123000Z",
    "2026-11-18T11:06:40.123000Z",
    "2026-11-18T11:06:40.124000Z",
  ]);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(Array.from({ length: 10_000 }, newId)).size).toBe(10_000);
});

test("keeps instances apart that make ids in the same moment", () => {
  expect(eventIds(() => 0)()).not.toBe(eventIds(() => 0)());
});

test("finds no time in ids of another make", () => {
  const ids = ["evt_1", "01935b2e-7c00-7000-8000-000000000001", undefined, 5, "evt_x"];
  expect(ids.map(timeOf)).toEqual([undefined, undefined, undefined, undefined, undefined]);
});
