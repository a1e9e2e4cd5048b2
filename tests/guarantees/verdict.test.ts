import { expect, test } from "vitest";
import type { Vow } from "./subject.ts";
import { judge, type Observed, type Played } from "./verdict.ts";

const problems = (vow: Vow, observed: Partial<Observed>, played: Partial<Played> = {}) =>
  judge(
    vow,
    { wanted: ["a", "b"], refused: new Map(), seen: "", missed: [], ...played },
    { ...quiet, effects: effects(1, 1), ...observed },
  ).problems;
const effects = (a: number, b: number) => new Map(Object.entries({ a, b }));
const quiet = { reported: new Map<string, number>(), dead: [], interruptions: 0, left: {} };
const reported = new Map([["a", 1]]);
const uncertain = { id: "a", reason: "send uncertain" };

type Case = [name: string, observed: Partial<Observed>, expected: string[]];

test.for<Case>([
  ["each once", {}, []],
  ["one lost", { effects: effects(0, 1) }, ["1 without effect"]],
  ["one twice", { effects: effects(2, 1) }, ["1 repeated"]],
  ["one uncertain", { reported }, ["1 uncertain"]],
  [
    "one lost, and uncertain",
    { effects: effects(0, 1), reported },
    ["1 without effect", "1 uncertain"],
  ],
  ["one dead", { dead: [{ id: "a", reason: "refused" }] }, ["1 dead: refused (a)"]],
  ["one left", { left: { "events.q": 1 } }, ["1 left in events.q"]],
])("once: %s", ([, observed, expected]) => {
  expect(problems("once", observed)).toEqual(expected);
});

test.for<Case>([
  ["a repeat that was reported", { effects: effects(2, 1), reported }, []],
  ["one more than were reported", { effects: effects(3, 1), reported }, ["1 repeated"]],
  ["a repeat in silence", { effects: effects(2, 1) }, ["1 repeated"]],
  ["a loss in silence", { effects: effects(0, 1) }, ["1 without effect"]],
  ["a loss that was reported", { effects: effects(0, 1), reported }, ["1 without effect"]],
  ["a dead letter", { reported, dead: [uncertain] }, ["1 dead: send uncertain (a)"]],
])("once, or uncertain and sent again: %s", ([, observed, expected]) => {
  const interrupted = { ...observed, interruptions: 1 };
  expect(problems("once, or uncertain and sent again", interrupted)).toEqual(expected);
});

test.for<Case>([
  ["kept, and not sent", { effects: effects(0, 1), reported, dead: [uncertain] }, []],
  ["kept, and sent", { reported, dead: [uncertain] }, []],
  ["a repeat", { effects: effects(2, 1), reported, dead: [uncertain] }, ["1 repeated"]],
  ["a loss in silence", { effects: effects(0, 1) }, ["1 without effect"]],
  ["reported, and not kept", { reported }, ["1 not with the dead letters"]],
  ["kept without a report", { dead: [uncertain] }, ["1 dead: send uncertain (a)"]],
])("once, or uncertain and kept: %s", ([, observed, expected]) => {
  const interrupted = { ...observed, interruptions: 1 };
  expect(problems("once, or uncertain and kept", interrupted)).toEqual(expected);
});

test("nothing is uncertain where nothing was interrupted", () => {
  const observed = { effects: effects(0, 1), reported, dead: [uncertain] };
  const expected = ["1 without effect", "1 dead: send uncertain (a)", "1 uncertain"];
  expect(problems("once, or uncertain and kept", observed)).toEqual(expected);
});

test("what is refused is a dead letter of its reason, and has no effect", () => {
  const played = { wanted: ["a"], refused: new Map([["b", "refused"]]) };
  const dead = (reason: string) => [{ id: "b", reason }];

  expect(problems("once", { effects: effects(1, 0), dead: dead("refused") }, played)).toEqual([]);
  expect(problems("once", { effects: effects(1, 1) }, played)).toEqual([
    "1 refused and with an effect",
    "1 not with the dead letters",
  ]);
  expect(problems("once", { effects: effects(1, 0), dead: dead("failed") }, played)).toEqual([
    "1 not with the dead letters",
    "1 dead: failed (b)",
  ]);
});

test("a dead letter is stored twice only where something was interrupted", () => {
  const played = { wanted: ["a"], refused: new Map([["b", "refused"]]) };
  const letter = { id: "b", reason: "refused" };
  const twice = { effects: effects(1, 0), dead: [letter, letter] };

  expect(problems("once", twice, played)).toEqual(["1 dead letters stored twice"]);
  expect(problems("once", { ...twice, interruptions: 1 }, played)).toEqual([]);
});

test("a moment that did not come breaks a promise, too", () => {
  expect(problems("once", {}, { missed: ["nobody was killed"] })).toEqual(["nobody was killed"]);
});
