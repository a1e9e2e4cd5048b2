import type { Chance } from "./random.ts";

/** What is so in one simulated world: each is a source of chance that a test may fix. */
export type Switches = {
  repeatable: boolean;
  workers: 2 | 3;
  /** At most so many events end each process that applies them. */
  killers: number;
  /** How far a worker's clock may be off, ms: two differ by less than a lease allows for. */
  skewMs: number;
  /** A write of the ledger may take effect after its error was reported. */
  lateWrites: boolean;
  /** `stale`: a fresh look may miss the last additions; `marked`: it reads rows of marked pages only. */
  sets: "none" | "stale" | "marked";
  /** How the broker counts deliveries: each, only that there was one before, or not at all. */
  counts: "each" | "redelivered" | "nothing";
  /** Whether the sink tells a repeat from another event under this id. */
  digestProofs: boolean;
  /** Proofs are pruned; weeks pass, and rows and sets expire. */
  aging: boolean;
  /** Messages that travel alone share requests of the ledger, and their failures. */
  coalesced: boolean;
};

/** The clock differs by less than the 30 s that a lease is longer than the time-out. */
const MOST_SKEW = 14_000;

export function drawSwitches(random: Chance, fixed: Partial<Switches>): Switches {
  const drawn: Switches = {
    repeatable: random.hits(0.6),
    workers: random.hits(0.5) ? 2 : 3,
    killers: random.pick([0, 1, 1, 2]),
    skewMs: random.hits(0.5) ? MOST_SKEW : 0,
    lateWrites: random.hits(0.5),
    sets: random.pick(["none", "stale", "marked"]),
    counts: random.pick(["each", "each", "redelivered", "nothing"]),
    digestProofs: random.hits(0.7),
    aging: random.hits(0.3),
    coalesced: random.hits(0.5),
  };
  const switches = { ...drawn, ...fixed };
  // Sets are for repeatable consumers. What kills a group again and again without ever being
  // redelivered cannot be isolated; AMQP has `redelivered` for that.
  if (!switches.repeatable) switches.sets = "none";
  if (switches.repeatable && switches.counts === "nothing") switches.killers = 0;
  return switches;
}
