import type { Message, SimulatedEvent } from "./event.ts";
import type { Switches } from "./switches.ts";

export const DAY = 86_400_000;
/** An event is remembered for so long, ms. */
export const MEMORY_MS = 30 * DAY;

/** One run: what was accepted, what became of it, and which faults were injected on the way. */
export type World = {
  switches: Switches;
  accepted: readonly SimulatedEvent[];
  /** Messages published per event, copies included, by `eventText`. */
  published: Map<string, number>;
  /** When each event had its last effect, by `eventText`. */
  lastEffect: Map<string, number>;
  dead: { message: Message; reason: string }[];
  /** Events of which a copy with a higher attempt was published, by `eventText`. */
  spent: Set<string>;
  violations: string[];
  trace: string[];
  /** Injected, of all sorts. */
  faults: number;
  /** Excuses, by id: faults that met a request about an event, or a process that had it in hand. */
  mishaps: Map<string, number>;
  /** Ends of a process, and failed writes, while it held a claim of this id alone. */
  strikes: Map<string, number>;
  /** Ids of events that an error other than an outage has met. */
  maySpend: Set<string>;
  /** Ids of events whose send nobody can be sure of. */
  mayBeUncertain: Set<string>;
  /** Ids about which a write took effect after its error. */
  late: Set<string>;
  /** At rest: events that the ledger knows as done, by `eventText`, and ids that are claimed. */
  recorded: Set<string>;
  claimed: string[];
  endedAt: number;
};

export function more(counts: Map<string, number>, id: string): void {
  counts.set(id, (counts.get(id) ?? 0) + 1);
}
