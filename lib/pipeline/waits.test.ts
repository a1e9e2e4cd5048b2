import { expect, test } from "vitest";
import { extraWait, waitFor, waitsOf } from "./waits.ts";

const waits = waitsOf([5_000, 30_000, 300_000]);

test("a consumer's waits are its retry delays and a short ladder, each once", () => {
  expect(waits).toEqual([1_000, 5_000, 30_000, 300_000]);
  expect(waitsOf([200, 1_000, 7_200_000])).toEqual([200, 1_000, 5_000, 30_000, 300_000, 7_200_000]);
});

/** The waits that a copy goes through, each of which may come `late` ms after its time. */
function legs(ms: number, late = 0): number[] {
  const gone: number[] = [];
  for (let rest = ms; rest > 0; rest -= gone.at(-1)! + late) gone.push(waitFor(rest, waits));
  return gone;
}

test("a wait is made of the longest ones that fit", () => {
  expect(legs(35_000)).toEqual([30_000, 5_000]);
  expect(legs(20_000)).toEqual([5_000, 5_000, 5_000, 5_000]);
  expect(legs(20_000, 40)).toEqual([5_000, 5_000, 5_000, 5_000]);
  expect(legs(300)).toEqual([1_000]);
  expect(legs(3_600_000, 40)).toHaveLength(12);
});

test("it is over in time, late by a second or a twentieth, after some thirty waits at most", () => {
  for (let ms = 1; ms <= 3_600_000; ms += 997) {
    const all = legs(ms);
    const late = all.reduce((sum, wait) => sum + wait, 0) - ms;
    const isInTime = late >= 0 && late <= Math.max(1_000, ms * 0.05);
    expect({ ms, isInTime, few: all.length <= 30 }).toEqual({ ms, isInTime: true, few: true });
  }
});

test("a retry waits a fifth longer at most, by one more wait", () => {
  const extras = (delayMs: number) =>
    [0, 0.25, 0.5, 0.75, 0.999].map((random) => extraWait(delayMs, waits, () => random));
  expect(new Set(extras(300_000))).toEqual(new Set([0, 1_000, 5_000, 30_000]));
  expect(new Set(extras(30_000))).toEqual(new Set([0, 1_000, 5_000]));
  expect(new Set(extras(5_000))).toEqual(new Set([0, 1_000]));
  expect(new Set(extras(1_000))).toEqual(new Set([0]));
});
