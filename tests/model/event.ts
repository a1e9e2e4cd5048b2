import type { Envelope, Received } from "../../lib/envelope/envelope.ts";
import type { Delivery } from "../../lib/pipeline/message.ts";
import type { Chance } from "./random.ts";
import type { Switches } from "./switches.ts";

/**
 * What an event does to its consumer. `flaky` fails once for no known reason, `later` is told once to
 * come back. Killers end the process: in `apply`, or before the send is marked.
 */
export type Kind = "good" | "flaky" | "later" | "refused" | "killer" | "early killer";
export type SimulatedEvent = { id: string; variant: number; kind: Kind };
export type Message = Omit<Delivery, "body"> & { event: SimulatedEvent };

/** What tells one event from another, also under one id. */
export function eventText({ id, variant }: SimulatedEvent): string {
  return `${id}/${variant}`;
}

export function isKiller({ kind }: SimulatedEvent): boolean {
  return kind === "killer" || kind === "early killer";
}

/** Two to seven, some under the id of another. */
export function makeEvents(random: Chance, { killers, repeatable }: Switches): SimulatedEvent[] {
  let left = killers;
  return Array.from({ length: random.int(2, 7) }, (_, index) => {
    // A fifth wears the id of the event before it: same id, other body.
    const wornTwice = index > 0 && random.hits(0.2);
    const kind: Kind = random.hits(0.5)
      ? "good"
      : random.hits(0.4) && left-- > 0
        ? !repeatable && random.hits(0.5)
          ? "early killer"
          : "killer"
        : random.pick(["flaky", "refused", "later", "good"]);
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
