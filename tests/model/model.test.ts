import { expect, test } from "vitest";
import { violationsOf } from "./judge.ts";
import { type Bug, runWorld } from "./world.ts";

const SCHEDULES = 20_000;

test(`keeps its promises in ${SCHEDULES} schedules of crashes, lost replies, zombies and outages`, async () => {
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const violations = violationsOf(await runWorld(seed));
    if (violations.length > 0) expect.fail(await storyOf(seed, violations));
  }
});

test.each<[Bug]>([["complete before apply"], ["unfenced release"], ["ack before settle"]])(
  "finds the planted bug: %s",
  async (bug) => {
    const found: number[] = [];
    for (let seed = 1; seed <= 5_000 && found.length === 0; seed++) {
      if (violationsOf(await runWorld(seed, { bug })).length > 0) found.push(seed);
    }
    expect(found).toHaveLength(1);
  },
);

/** Runs the seed again and writes down what happened, step by step. */
async function storyOf(seed: number, violations: readonly string[]): Promise<string> {
  const { trace } = await runWorld(seed, { traced: true });
  return `seed ${seed}: ${violations.join("; ")}\n${trace.join("\n")}`;
}
