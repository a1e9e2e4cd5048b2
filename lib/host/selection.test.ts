import { expect, test } from "vitest";
import type { HostedFunction, Trigger } from "./declaration.ts";
import { specsOf, type Wanted } from "./selection.ts";

const declared = (name: string, trigger: Trigger): HostedFunction => ({
  name,
  file: `/app/${name}.ts`,
  exported: "handler",
  timeoutMs: 6_000,
  trigger,
});
const queue = (name: string): Trigger => ({
  kind: "queue",
  queue: name,
  batchSize: 100,
  windowMs: 500,
  enabled: true,
});
const functions = [
  declared("door", { kind: "http" }),
  declared("graph", queue("events.neo4j")),
  declared("mail", queue("send.mail")),
  declared("prune", { kind: "schedule", everyMs: 60_000 }),
];

const all: Wanted = {
  names: [],
  queue: undefined,
  workers: 2,
  prefetch: undefined,
  bind: "::",
  graceMs: 25_000,
};

function started(over: Partial<Wanted>): string[] {
  const specs = specsOf(functions, { ...all, ...over });
  return specs.map((spec) => `${spec.function.name} ${spec.index}`);
}

test("starts everything, with several workers for a queue and one for the rest", () => {
  expect(started({})).toEqual(["door 0", "graph 0", "graph 1", "mail 0", "mail 1", "prune 0"]);
});

test.each([
  [{ queue: "neo4j" }, ["graph 0", "graph 1"]],
  [{ queue: "send.mail" }, ["mail 0", "mail 1"]],
  [{ names: ["prune"] }, ["prune 0"]],
  [{ names: ["door"], queue: "neo4j" }, ["door 0", "graph 0", "graph 1"]],
])("%j starts %j", (wanted, expected) => {
  expect(started(wanted)).toEqual(expected);
});

test("HTTP functions listen side by side, those alone on the first port", () => {
  const two = [...functions, declared("shop", { kind: "http" })];
  const offsets = (names: string[]) =>
    specsOf(two, { ...all, names })
      .filter(({ function: { trigger } }) => trigger.kind === "http")
      .map(({ function: { name }, portOffset }) => [name, portOffset]);
  expect(offsets([])).toEqual([
    ["door", 0],
    ["shop", 1],
  ]);
  expect(offsets(["shop"])).toEqual([["shop", 0]]);
});
