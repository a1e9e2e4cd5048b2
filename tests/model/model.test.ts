import { expect, inject, test } from "vitest";
import type { Bug } from "./event.ts";
import { violationsOf } from "./judge.ts";
import { runWorld } from "./world.ts";

const SCHEDULES = inject("long") ? 20_000 : 5_000;
/** Of CPU: other tests run beside it. */
const MOST_MS = 60_000;

test(`keeps its promises in ${SCHEDULES} schedules of crashes, lost replies, zombies and outages`, async () => {
  const before = process.cpuUsage();
  expect(await firstViolation(SCHEDULES)).toBeUndefined();
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(MOST_MS);
});

test.each<[Bug, RegExp]>([
  ["complete before apply", /is lost/],
  ["unfenced release", /effect 2 with 1 allowed/],
  ["ack before settle", /is lost/],
  ["outage taken for an error", /has spent an attempt on an outage/],
])("finds the planted bug: %s", async (bug, violation) => {
  expect(await firstViolation(SCHEDULES, bug)).toMatch(violation);
});

/** The first seed that breaks a promise, with its schedule step by step. */
async function firstViolation(schedules: number, bug?: Bug): Promise<string | undefined> {
  const planted = bug === undefined ? {} : { bug };
  for (let seed = 1; seed <= schedules; seed++) {
    const violations = violationsOf(await runWorld(seed, planted));
    if (violations.length === 0) continue;
    const { trace } = await runWorld(seed, { ...planted, traced: true });
    return `seed ${seed}: ${violations.join("; ")}\n${trace.join("\n")}`;
  }
  return undefined;
}
