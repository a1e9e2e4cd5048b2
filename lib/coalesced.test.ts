import { expect, test } from "vitest";
import { coalesced } from "./coalesced.ts";

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
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { ask, calls, answers, turn };
}

test("what is asked in one turn, and what is asked meanwhile, goes together", async () => {
  const { ask, calls, answers, turn } = setup({ largest: 3, inFlight: 1 });
  const first = [ask(1), ask(2)];
  await turn();
  const later = [ask(3), ask(4), ask(5), ask(6)];
  await turn();
  expect(calls).toEqual([[1, 2]]);

  answers[0]!();
  expect(await Promise.all(first)).toEqual([2, 4]);
  await turn();
  answers[1]!();
  expect(await Promise.all(later.slice(0, 3))).toEqual([6, 8, 10]);
  await turn();
  answers[2]!();
  expect(await later[3]).toBe(12);
  expect(calls).toEqual([[1, 2], [3, 4, 5], [6]]);
});

test("so many calls are under way at once", async () => {
  const { ask, calls, answers, turn } = setup({ largest: 1, inFlight: 2 });
  const all = [ask(1), ask(2), ask(3)];
  await turn();
  expect(calls).toEqual([[1], [2]]);
  for (const answer of answers.splice(0)) answer();
  await turn();
  await turn();
  for (const answer of answers.splice(0)) answer();
  expect(await Promise.all(all)).toEqual([2, 4, 6]);
});

test("what is asked again about one item waits for the answer to the first", async () => {
  const { ask, calls, answers, turn } = setup({ largest: 3, inFlight: 2 });
  const all = [ask(1), ask(1), ask(2)];
  await turn();
  expect(calls).toEqual([[1, 2]]);
  answers[0]!();
  await turn();
  await turn();
  answers[1]!();
  expect(await Promise.all(all)).toEqual([2, 2, 4]);
  expect(calls).toEqual([[1, 2], [1]]);
});

test("a failure is that of all who went together, and of nobody else", async () => {
  const { ask, answers, turn } = setup({ largest: 2, inFlight: 1 });
  const all = Promise.allSettled([ask(12), ask(13), ask(14)]);
  await turn();
  answers[0]!();
  await turn();
  await turn();
  answers[1]!();
  expect((await all).map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
});
