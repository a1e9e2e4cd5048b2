import type { Envelope, Received } from "../../lib/envelope/envelope.ts";
import type { Delivery } from "../../lib/pipeline/message.ts";
import type { Chance } from "./random.ts";

/**
 * What an event does to its consumer. `flaky` fails once for no known reason; `later` is told twice to
 * come back.
 */
export type Kind = "good" | "flaky" | "refused" | "later" | "killer";
export type SimulatedEvent = { id: string; variant: number; kind: Kind };
export type Message = Omit<Delivery, "body"> & { event: SimulatedEvent };

/** What tells one event from another, also under one id. */
export function eventText({ id, variant }: SimulatedEvent): string {
  return `${id}/${variant}`;
}

/** Two to six, some under the id of another. */
export function makeEvents(random: Chance): SimulatedEvent[] {
  let killers = 0;
  return Array.from({ length: random.int(2, 6) }, (_, index) => {
    // A fifth wears the id of the event before it: same id, other body.
    const wornTwice = index > 0 && random.hits(0.2);
    const kind: Kind = random.hits(0.55)
      ? "good"
      : random.hits(0.3) && killers++ === 0
        ? "killer"
        : random.pick(["flaky", "refused", "later"]);
    return { id: `e${wornTwice ? index - 1 : index}`, variant: index, kind };
  });
}

export function decode({ event }: Received): SimulatedEvent {
  return (event as Envelope<string, SimulatedEvent>).data;
}

export function encode({ event, ...rest }: Message): Delivery {
  const received = {
    digest: String(event.variant),
    event: { id: event.id, tenant_id: "t", source: "s", type: "model.event", data: event },
  };
  return { ...rest, body: Buffer.from(JSON.stringify(received)) };
}

type DeadLetter = { message: Message; reason: string };

/** Defects that can be planted to see that the model finds them. */
export type Bug =
  | "complete before apply"
  | "unfenced release"
  | "ack before settle"
  | "outage taken for an error";

/** One run: what was accepted, what became of it, and which faults were injected on the way. */
export type World = {
  repeatable: boolean;
  accepted: SimulatedEvent[];
  /** Messages published per event, copies included, by `eventText`. */
  published: Map<string, number>;
  /** Effects per event, by `eventText`. */
  effects: Map<string, number>;
  dead: DeadLetter[];
  /** Events of which a copy with a higher attempt was published, by `eventText`. */
  spent: Set<string>;
  /** Injected, of all sorts. */
  faults: number;
  /** Processes that ended: injected, killed by a message, or past their time-out. */
  deaths: number;
  violations: string[];
  trace: string[];
};
