import type { Received } from "../../lib/envelope/envelope.ts";
import type { Ledger } from "../../lib/ledger/ledger.ts";
import type { Consumer, RepeatableConsumer } from "../../lib/pipeline/consumer.ts";
import {
  IdReusedError,
  OutageError,
  PermanentError,
  RetryLaterError,
  UncertainError,
} from "../../lib/pipeline/errors.ts";
import type { Settled } from "../../lib/pipeline/message.ts";
import { type Bug, decode, eventText, type SimulatedEvent, type World } from "./event.ts";
import type { Chance } from "./random.ts";
import type { Owner, Schedule } from "./schedule.ts";

type Surroundings = {
  owner: Owner;
  ledger: Ledger;
  /** Ends the process that applies. */
  killed: () => void;
};

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
  const { repeatable } = world;
  const sink = { down: false, heal, reported, consumerOf };
  const proofs = new Map<string, number>();
  const flaked = new Set<string>();
  const told = new Map<string, number>();
  const healed = new Set<string>();
  const uncertain = new Map<string, number>();

  function applyAll(killed: () => void, events: readonly Received[]) {
    const decoded = events.map((received) => ({ received, event: decode(received) }));
    for (const { event } of decoded) {
      if (event.kind === "killer") {
        killed();
        return [];
      }
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
        throw repeatable ? new Error("something unknown") : new OutageError("hiccup");
      }
    }
    return decoded.flatMap(({ received, event }) => {
      const times = told.get(eventText(event)) ?? 0;
      if (event.kind === "later" && times < 2) {
        told.set(eventText(event), times + 1);
        return [{ received, error: new RetryLaterError("busy", time.now() + 20_000) }];
      }
      const proof = repeatable ? proofs.get(event.id) : undefined;
      if (proof !== undefined && proof !== event.variant) {
        return [{ received, error: new IdReusedError("proof of another event") }];
      }
      if (proof === undefined) affect(event);
      return [];
    });
  }

  function affect(event: SimulatedEvent): void {
    const name = eventText(event);
    proofs.set(event.id, event.variant);
    const count = (world.effects.get(name) ?? 0) + 1;
    world.effects.set(name, count);
    const allowed = 1 + (uncertain.get(name) ?? 0);
    if (count > allowed) world.violations.push(`${name}: effect ${count} with ${allowed} allowed`);
  }

  function consumerOf({ owner, ledger, killed }: Surroundings): Consumer {
    const label = (events: readonly Received[]) =>
      `apply ${events.map((received) => eventText(decode(received))).join(" ")}`;
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
          owner,
          label(events),
          () => applyAll(killed, events),
          (fault) =>
            repeatable
              ? new Error("connection reset")
              : fault === "refused" && random.hits(0.5)
                ? new OutageError("connection refused")
                : new UncertainError("no answer"),
        );
      },
      probe: () =>
        time.io(owner, "probe", () => {
          if (sink.down) throw new OutageError("the sink is down");
        }),
    };
    if (repeatable) return { ...common, repeatable };
    return {
      ...common,
      repeatable,
      whenUncertain,
      beforeSend: () =>
        time.io(
          owner,
          "get ready",
          () => "send" as const,
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

  return sink;
}
