import type { Chance } from "../model/random.ts";

/** Draws 0 to count - 1, each `k` in proportion to 1 / (k + 1) ^ exponent (Zipf's law). */
export function zipf({
  count,
  exponent,
  chance,
}: {
  count: number;
  exponent: number;
  chance: Chance;
}): () => number {
  const sums: number[] = [];
  let total = 0;
  for (let k = 1; k <= count; k += 1) sums.push((total += k ** -exponent));

  return () => {
    const wanted = chance.next() * total;
    let [from, to] = [0, count - 1];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (sums[middle]! > wanted) to = middle;
      else from = middle + 1;
    }
    return from;
  };
}
