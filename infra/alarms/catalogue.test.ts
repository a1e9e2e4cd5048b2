import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ALARMS } from "./catalogue.ts";
import { kindOf } from "./queues.ts";

test("docs/operations.md has a heading for every alarm, and for no other", () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/operations.md"), "utf8");
  const [, alarms = ""] = text.split("\n## Alarms\n");
  const headings = [...alarms.split("\n## ")[0]!.matchAll(/^### (.+)$/gm)].map(([, name]) => name);
  expect(headings).toEqual(Object.keys(ALARMS));
});

test.each([
  ["events.neo4j", "work"],
  ["events.neo4j.retry.30s", "retry"],
  ["dead.events.neo4j", "dead"],
  ["events.unconsumed", "unconsumed"],
  ["events.retry", "work"],
])("%s is a queue for %s", (queue, kind) => {
  expect(kindOf(queue)).toBe(kind);
});
