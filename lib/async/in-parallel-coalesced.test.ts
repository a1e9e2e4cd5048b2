import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { coalesced } from "./in-parallel.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Longer than anything is gathered. */
const A_WHILE = 100;

function setup(limits: { largest: number; inFlight: number }) {
  const calls: number[][] = [];
  const answers: (() => void)[] = [];
  const ask = coalesced(
    async (items: readonly number[]) => {
      calls.push([...items]);
      await new Promise<void>((resolve) => answers.push(resolve));
      if (items.includes(13)) throw new Error("no luck");
      return items.map((item) => item * 2);
    },
    { keyOf: String, ...limits },
  );
  return {
    ask,
    calls,
    /** Answers the oldest call, once these have been made. */
    answer: async (expected: number[][]) => {
      await vi.advanceTimersByTimeAsync(A_WHILE);
      expect(calls).toEqual(expected);
      answers.shift()!();
    },
  };
}

test("what is asked within some ms, and what is asked meanwhile, goes together", async () => {
  const { ask, calls, answer } = setup({ largest: 3, inFlight: 1 });
  const first = [ask(1)];
  await vi.advanceTimersByTimeAsync(2);
  first.push(ask(2));
  await vi.advanceTimersByTimeAsync(A_WHILE);
  expect(calls).toEqual([[1, 2]]);
  const later = [ask(3), ask(4), ask(5), ask(6)];

  await answer([[1, 2]]);
  expect(await Promise.all(first)).toEqual([2, 4]);
  await answer([
    [1, 2],
    [3, 4, 5],
  ]);
  expect(await Promise.all(later.slice(0, 3))).toEqual([6, 8, 10]);
  await answer([[1, 2], [3, 4, 5], [6]]);
  expect(await later[3]).toBe(12);
});

test("so many calls are under way at once", async () => {
  const { ask, answer } = setup({ largest: 1, inFlight: 2 });
  const all = [ask(1), ask(2), ask(3), ask(4)];
  await answer([[1], [2]]);
  await answer([[1], [2], [3]]);
  await answer([[1], [2], [3], [4]]);
  await answer([[1], [2], [3], [4]]);
  expect(await Promise.all(all)).toEqual([2, 4, 6, 8]);
});

test("what fills a call waits for no more", async () => {
  const { ask, calls, answer } = setup({ largest: 2, inFlight: 1 });
  const first = [ask(1)];
  await vi.advanceTimersByTimeAsync(A_WHILE);
  const all = [ask(2), ask(3), ask(4)];
  await answer([[1]]);
  expect(await Promise.all(first)).toEqual([2]);
  await vi.advanceTimersByTimeAsync(1);
  expect(calls).toEqual([[1], [2, 3]]);
  await answer([[1], [2, 3]]);
  await answer([[1], [2, 3], [4]]);
  expect(await Promise.all(all)).toEqual([4, 6, 8]);
});

test("what is asked again about one item waits for the answer to the first", async () => {
  const { ask, answer } = setup({ largest: 3, inFlight: 2 });
  const all = [ask(1), ask(1), ask(2)];
  await answer([[1, 2]]);
  await answer([[1, 2], [1]]);
  expect(await Promise.all(all)).toEqual([2, 2, 4]);
});

test("a failure is that of all who went together, and of nobody else", async () => {
  const { ask, answer } = setup({ largest: 2, inFlight: 1 });
  const all = Promise.allSettled([ask(12), ask(13), ask(14)]);
  await answer([[12, 13]]);
  await answer([[12, 13], [14]]);
  expect((await all).map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
});
