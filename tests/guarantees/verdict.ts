import type { Vow } from "./subject.ts";

/** What a function was asked to do in one scenario. Events by id. */
export type Played = {
  /** Accepted by the broker; each must have its effect. */
  wanted: readonly string[];
  /** Also accepted; each must become a dead letter with this reason, and have no effect. */
  refused: ReadonlyMap<string, string>;
  /** How the decisive moment was seen to have come. */
  seen: string;
  /** Observations that were expected and missing. */
  missed: readonly string[];
};

/** What was found once the host had stopped. */
export type Observed = {
  effects: ReadonlyMap<string, number>;
  /** How often each event was reported as uncertain. */
  reported: ReadonlyMap<string, number>;
  dead: readonly { id: string; reason: string }[];
  /**
   * How often a batch was handed back or a worker died. Only then may an effect be uncertain, or a
   * dead letter be stored twice (docs/message-lifecycle.md, "What cannot be avoided").
   */
  interruptions: number;
  /** Messages in other queues. */
  left: Readonly<Record<string, number>>;
};

/** The result of one function in one scenario. */
export type Cell = {
  accepted: number;
  /** Over the events that must have an effect; infinite if there are none. */
  effects: { min: number; max: number };
  /** Effects beyond the first. */
  repeats: number;
  uncertain: number;
  /** Dead letters by reason. */
  dead: Readonly<Record<string, number>>;
  left: Readonly<Record<string, number>>;
  seen: string;
  /** What breaks the promise; empty if it is kept. */
  problems: readonly string[];
};

/** The reason of a dead letter whose send may have gone out. */
const UNCERTAIN = "send uncertain";

/** Compares what was found with what was promised, and excuses nothing else. */
export function judge(promised: Vow, played: Played, observed: Observed): Cell {
  const { wanted, refused, seen, missed } = played;
  const { effects, reported, dead, interruptions, left } = observed;
  const vow = interruptions > 0 ? promised : "once";
  const effectsOf = (id: string) => effects.get(id) ?? 0;
  const reportsOf = (id: string) => reported.get(id) ?? 0;

  const isKept = (id: string) => vow === "once, or uncertain and kept" && reportsOf(id) > 0;
  const mostOf = (id: string) =>
    vow === "once, or uncertain and sent again" ? 1 + reportsOf(id) : 1;
  const reasonDue = (id: string) => refused.get(id) ?? (isKept(id) ? UNCERTAIN : undefined);
  const letters = new Set(dead.map(({ id, reason }) => `${reason} ${id}`));

  const lost = wanted.filter((id) => effectsOf(id) === 0 && !isKept(id));
  const repeated = wanted.filter((id) => effectsOf(id) > mostOf(id));
  const unwanted = [...refused.keys()].filter((id) => effectsOf(id) > 0);
  const absent = [...refused.keys(), ...wanted.filter(isKept)].filter(
    (id) => !letters.has(`${reasonDue(id)} ${id}`),
  );
  const strange = dead.filter(({ id, reason }) => reasonDue(id) !== reason);
  const second = interruptions > 0 ? 0 : dead.length - letters.size;
  const uncertain = sum(reported.values());

  const problems = [
    ...missed,
    ...some(lost.length, "without effect"),
    ...some(repeated.length, "repeated"),
    ...some(unwanted.length, "refused and with an effect"),
    ...some(absent.length, "not with the dead letters"),
    ...some(strange.length, `dead: ${Object.keys(tally(strange.map(inWords))).join(", ")}`),
    ...some(second, "dead letters stored twice"),
    ...some(vow === "once" ? uncertain : 0, "uncertain"),
    ...some(sum(Object.values(left)), `left in ${Object.keys(left).join(", ")}`),
  ];
  const counts = wanted.map(effectsOf);
  return {
    accepted: wanted.length + refused.size,
    effects: { min: Math.min(...counts), max: Math.max(...counts) },
    repeats: sum(counts.map((count) => Math.max(0, count - 1))),
    uncertain,
    dead: tally(dead.map(({ reason }) => reason)),
    left,
    seen: interruptions > 0 ? `${seen}; ${interruptions} interruptions` : seen,
    problems,
  };
}

function inWords({ id, reason }: { id: string; reason: string }): string {
  return `${reason} (${id})`;
}

function some(count: number, what: string): string[] {
  return count === 0 ? [] : [`${count} ${what}`];
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, one) => total + one, 0);
}

export function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
