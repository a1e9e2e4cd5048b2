import type { Received } from "../../lib/envelope/envelope.ts";
import type { Ledger } from "../../lib/ledger/ledger.ts";
import type { Consumer, Failure, RepeatableConsumer } from "../../lib/pipeline/consumer.ts";
import {
  IdReusedError,
  OutageError,
  PermanentError,
  RetryLaterError,
  UncertainError,
} from "../../lib/pipeline/errors.ts";
import type { Settled } from "../../lib/pipeline/message.ts";
import type { Bug } from "./bugs.ts";
import { decode, eventText, type SimulatedEvent } from "./event.ts";
import type { Chance } from "./random.ts";
import { DAY, MEMORY_MS, type World } from "./record.ts";
import type { Owner, Schedule } from "./schedule.ts";

type Surroundings = {
  owner: Owner;
  ledger: Ledger;
  /** Ends the process that applies. */
  killed: () => void;
  /** Before which time none of its messages of this event may be applied. */
  notBefore: (event: SimulatedEvent) => number;
  /** What the ledger knew of an event when the process took its batch. */
  knewDone: (event: SimulatedEvent) => boolean;
  knewDead: (event: SimulatedEvent) => boolean;
};

/** How long a sink tells an event to wait, ms. */
const LATER_MS = 40_000;

/**
 * The system that the consumers of all processes write to. With a proof of each event if they are
 * repeatable, else each call is a further effect. Counts effects and tells what is one too many.
 */
export function simulatedSink({
  world,
  time,
  random,
  bug,
  nonce,
}: {
  world: World;
  time: Schedule;
  random: Chance;
  bug: Bug | undefined;
  nonce: () => string;
}) {
  const { repeatable, digestProofs, skewMs } = world.switches;
  const sink = { down: false, heal, reported, consumerOf, prune };
  /** When each event was applied, by its name. */
  const proofs = new Map<string, { event: SimulatedEvent; at: number; seenDone?: number }>();
  const flaked = new Set<string>();
  const toldUntil = new Map<string, number>();
  const healed = new Set<string>();
  const uncertain = new Map<string, number>();
  /** Effects within the ledger's memory. */
  const recent = new Map<string, number>();

  function applyAll(of: Surroundings, events: readonly Received[]): Failure[] {
    const decoded = events.map((received) => ({ received, event: decode(received) }));
    if (decoded.some(({ event }) => event.kind === "killer")) {
      of.killed();
      return [];
    }
    if (sink.down) {
      const text = "the sink is down";
      throw bug === "outage taken for an error" ? new Error(text) : new OutageError(text);
    }
    for (const { event } of decoded) {
      const name = eventText(event);
      if (event.kind === "refused" && !healed.has(name)) throw new PermanentError("refused");
      if (event.kind === "flaky" && !flaked.has(name)) {
        flaked.add(name);
        if (repeatable) for (const each of decoded) world.maySpend.add(each.event.id);
        throw repeatable ? new Error("something unknown") : new OutageError("hiccup");
      }
    }
    return decoded.flatMap(({ received, event }) => {
      const error = applyOne(of, event);
      return error === undefined ? [] : [{ received, error }];
    });
  }

  function applyOne(of: Surroundings, event: SimulatedEvent): Error | undefined {
    const name = eventText(event);
    if (of.notBefore(event) > time.now() + skewMs) {
      world.violations.push(`${name} was applied before its time`);
    }
    if (event.kind === "later" && (toldUntil.get(name) ?? time.now() + 1) > time.now()) {
      if (!toldUntil.has(name)) toldUntil.set(name, time.now() + LATER_MS);
      return new RetryLaterError("later", toldUntil.get(name)!);
    }
    if (repeatable && digestProofs && othersOf(event).some((other) => proofs.has(other))) {
      return new IdReusedError("proof of another event");
    }
    if (!repeatable || !proofs.has(name)) affect(of, event);
    return undefined;
  }

  function othersOf(event: SimulatedEvent): string[] {
    return world.accepted
      .filter(({ id, variant }) => id === event.id && variant !== event.variant)
      .map(eventText);
  }

  function affect({ knewDone, knewDead }: Surroundings, event: SimulatedEvent): void {
    const name = eventText(event);
    const now = time.now();
    const last = world.lastEffect.get(name) ?? now;
    const count = now - last >= MEMORY_MS ? 1 : (recent.get(name) ?? 0) + 1;
    proofs.set(name, { event, at: now });
    recent.set(name, count);
    world.lastEffect.set(name, now);
    const allowed = 1 + (uncertain.get(name) ?? 0);
    if (count > allowed) world.violations.push(`${name}: effect ${count} with ${allowed} allowed`);
    if (knewDead(event)) world.violations.push(`${name} was applied although it was dead`);
    for (const other of world.accepted.filter(({ id }) => id === event.id)) {
      if (other.variant !== event.variant && knewDone(other)) {
        world.violations.push(`${name} was applied although ${eventText(other)} was done`);
      }
    }
  }

  function consumerOf(of: Surroundings): Consumer {
    const { owner, ledger } = of;
    const request = (what: string, events: readonly Received[]) => ({
      owner,
      label: `${what} ${events.map((received) => eventText(decode(received))).join(" ")}`,
      ids: events.map(({ event }) => event.id),
    });
    const whenUncertain = random.pick(["resend", "dead-letter"] as const);
    const common: Omit<RepeatableConsumer, "repeatable"> = {
      name: "model",
      concurrency: 2,
      parse: (body) => JSON.parse(Buffer.from(body).toString()) as Received,
      async apply(events) {
        if (bug === "complete before apply") {
          await ledger.complete(
            events.map(({ event, digest }) => ({
              key: { tenant: "t", source: "s", id: event.id },
              over: undefined,
              to: { state: "done", rev: nonce(), digest },
            })),
          );
        }
        return time.io(
          request("apply", events),
          () => applyAll(of, events),
          (fault) =>
            repeatable
              ? new Error("connection reset")
              : fault === "refused" && random.hits(0.5)
                ? new OutageError("connection refused")
                : new UncertainError("no answer"),
        );
      },
      probe: () =>
        time.io(request("probe", []), () => {
          if (sink.down) throw new OutageError("the sink is down");
        }),
    };
    if (repeatable) return { ...common, repeatable };
    return {
      ...common,
      repeatable,
      whenUncertain,
      laneOf: ({ event }) => (Number(event.id.slice(1)) % 2 === 0 ? "even" : "odd"),
      beforeSend: (received) =>
        time.io(
          request("get ready", [received]),
          () => {
            if (decode(received).kind === "early killer") of.killed();
            return "send" as const;
          },
          () => new Error("connection reset"),
        ),
    };
  }

  /** An operator mends what was refused. */
  function heal(event: SimulatedEvent): void {
    healed.add(eventText(event));
  }

  /** An uncertain send that was reported may be repeated. */
  function reported({ event, outcome }: Settled): void {
    if (outcome.kind !== "uncertain" || event === undefined) return;
    const name = eventText(event.data as SimulatedEvent);
    uncertain.set(name, (uncertain.get(name) ?? 0) + 1);
  }

  /**
   * A proof goes once its event was found done twice, `apartMs` from each other, or once nobody can
   * remember the event any more.
   */
  function prune(
    ledger: {
      isDone: (id: string, digest: string) => boolean;
      knows: (id: string) => boolean;
    },
    apartMs: number,
  ): void {
    for (const [name, proof] of proofs) {
      const { event, at, seenDone } = proof;
      const isForgotten = !ledger.knows(event.id) && time.now() - at > MEMORY_MS + DAY;
      const isDone = ledger.isDone(event.id, String(event.variant));
      if (isForgotten || bug === "proofs pruned too young") proofs.delete(name);
      else if (!isDone) delete proof.seenDone;
      else if (seenDone === undefined) proof.seenDone = time.now();
      else if (time.now() - seenDone >= apartMs) proofs.delete(name);
      if (!proofs.has(name)) time.note(`the proof of ${name} is pruned`);
    }
  }

  return sink;
}
