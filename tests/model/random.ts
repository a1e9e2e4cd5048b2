/** A seeded source of chance: the same seed gives the same schedule. (mulberry32, public domain) */
export type Chance = {
  /** In [0, 1). */
  next: () => number;
  /** True with probability `p`. */
  hits: (p: number) => boolean;
  /** An integer in [from, to]. */
  int: (from: number, to: number) => number;
  pick: <T>(items: readonly T[]) => T;
};

export function chance(seed: number): Chance {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    hits: (p) => next() < p,
    int,
    pick: (items) => items[int(0, items.length - 1)]!,
  };
}
