import type { Bug } from "./bugs.ts";
import { violationsOf } from "./judge.ts";
import type { Switches } from "./switches.ts";
import { runWorld } from "./world.ts";

/** The first seed in [from, to] that breaks a promise, with its schedule step by step. */
export async function firstViolation({
  from = 1,
  to,
  ...options
}: {
  from?: number;
  to: number;
  bug?: Bug;
  fixed?: Partial<Switches>;
}): Promise<string | undefined> {
  for (let seed = from; seed <= to; seed++) {
    const violations = violationsOf(await runWorld(seed, options));
    if (violations.length === 0) continue;
    const { trace } = await runWorld(seed, { ...options, traced: true });
    return `seed ${seed}: ${violations.join("; ")}\n${trace.join("\n")}`;
  }
  return undefined;
}
