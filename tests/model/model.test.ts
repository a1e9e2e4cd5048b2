import { expect, test } from "vitest";
import { violationsOf } from "./judge.ts";
import { type Bug, runWorld } from "./world.ts";

const SCHEDULES = 20_000;

test(`keeps its promises in ${SCHEDULES} schedules of crashes, lost replies, zombies and outages`, async () => {
  expect(await firstViolation(SCHEDULES)).toBeUndefined();
});

test.each<[Bug]>([["complete before apply"], ["unfenced release"], ["ack before settle"]])(
  "finds the planted bug: %s",
  async (bug) => {
    expect(await firstViolation(SCHEDULES, bug)).toContain("seed ");
  },
);

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
