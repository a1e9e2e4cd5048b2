import { expect, test } from "vitest";
import type { Bug } from "./bugs.ts";
import { firstViolation } from "./search.ts";
import type { Switches } from "./switches.ts";

/** `npm run test:long` runs more than 100,000. */
const SCHEDULES = 2_000;
/** A planted mistake has to show in so many. */
const SCHEDULES_OF_A_BUG = 4_000;
const TIMEOUT_MS = 300_000;

test(
  `keeps its promises in ${SCHEDULES} schedules of crashes, lost replies, zombies and outages`,
  async () => {
    expect(await firstViolation({ to: SCHEDULES })).toBeUndefined();
  },
  TIMEOUT_MS,
);

const sets: Partial<Switches> = { repeatable: true, sets: "marked" };

test.each<[Bug, RegExp, Partial<Switches>]>([
  ["complete before apply", /is lost/, {}],
  ["unfenced release", /effect 2 with 1 allowed/, { repeatable: false }],
  ["ack before settle", /is lost/, {}],
  ["outage taken for an error", /has spent an attempt on an outage/, { repeatable: true }],
  ["crash counted on takeover of a shared claim", /is accused 1 times for 0/, {}],
  ["shared kept after takeover", /does not come to rest/, {}],
  ["defer forgets suspicion", /does not come to rest/, {}],
  ["another copy takes a running shared claim", /does not come to rest|dead letters/, {}],
  ["claims not released", /is accused|still claimed|spent an attempt/, {}],
  ["ack although a page failed", /nobody has recorded it/, sets],
  ["mark after row", /a fresh look misses the row/, sets],
  ["set expires before the row", /nobody has recorded it/, { ...sets, aging: true }],
  ["proofs pruned too young", /effect 2 with 1 allowed/, { aging: true }],
])(
  "finds the planted mistake: %s",
  async (bug, violation, fixed) => {
    const found = await firstViolation({ to: SCHEDULES_OF_A_BUG, bug, fixed });
    const [headline] = found?.split("\n") ?? [];
    expect(headline).toMatch(violation);
    process.stdout.write(`${bug}: ${headline}\n`);
  },
  TIMEOUT_MS,
);
