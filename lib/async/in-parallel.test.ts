import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { chunksOf, inParallel } from "./in-parallel.ts";

describe("inParallel", () => {
  test("works through all items, never more than the limit at once", async () => {
    let running = 0;
    let most = 0;
    const worked: number[] = [];

    await inParallel([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      most = Math.max(most, ++running);
      await turn();
      running -= 1;
      worked.push(item);
    });

    expect(worked).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(3);
  });

  test("after a failure starts nothing new and waits for what runs", async () => {
    const started: number[] = [];
    const ended: number[] = [];
    const work = inParallel([1, 2, 3, 4], 2, async (item) => {
      started.push(item);
      if (item === 1) throw new Error("first");
      await turn();
      ended.push(item);
    });

    await expect(work).rejects.toThrow("first");
    expect({ started, ended }).toEqual({ started: [1, 2], ended: [2] });
  });

  test("does nothing with no items", async () => {
    await expect(inParallel([], 3, () => Promise.reject(new Error()))).resolves.toBeUndefined();
  });
});

test("chunks keep the order, the last is what is left", () => {
  expect(chunksOf(2, [1, 2, 3, 4, 5])).toEqual([[1, 2], [3, 4], [5]]);
  expect(chunksOf(2, [])).toEqual([]);
});
