import type { Envelope, Received } from "../../lib/envelope.ts";
import type { Key, Ledger, Row } from "../../lib/ledger/ledger.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import type { Delivery } from "../../lib/pipeline/delivery.ts";
import {
  IdReusedError,
  OutageError,
  PermanentError,
  UncertainError,
} from "../../lib/pipeline/errors.ts";
import type { Forward } from "../../lib/pipeline/forward.ts";
import type { Settled } from "../../lib/pipeline/outcome.ts";
import { batchProcessor, type ProcessBatch } from "../../lib/pipeline/process-batch.ts";
import { type Chance, chance } from "./random.ts";
import { type Fault, type Owner, schedule } from "./schedule.ts";

/** What an event does to its consumer. `flaky` fails once for no known reason. */
export type Kind = "good" | "flaky" | "refused" | "killer";
export type SimulatedEvent = { id: string; variant: number; kind: Kind };
export type Message = Omit<Delivery, "body"> & { event: SimulatedEvent };
export type DeadLetter = { message: Message; reason: string };

/** Defects that can be planted to see that the model finds them. */
export type Bug =
  | "complete before apply"
  | "unfenced release"
  | "ack before settle"
  | "outage taken for an error";

const RETRY_DELAYS = [5_000, 5_000, 5_000, 5_000, 30_000, 30_000, 30_000, 30_000];
const TIMEOUT = 60_000;
const LEASE = TIMEOUT + 30_000;

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

/** What tells one event from another, also under one id. */
export function eventText({ id, variant }: SimulatedEvent): string {
  return `${id}/${variant}`;
}

type Worker = {
  owner: Owner;
  process: ProcessBatch;
  unacked: Message[];
  channel: AbortController;
  /** Epoch ms at which the runtime ends the process; absent when idle. */
  deadline: number | undefined;
};

/** Runs one schedule of two workers to its rest. */
export async function runWorld(
  seed: number,
  { bug, traced = false }: { bug?: Bug; traced?: boolean } = {},
): Promise<World> {
  const random = chance(seed);
  const time = schedule(random, { traced });
  const repeatable = random.hits(0.6);
  const accepted = makeEvents(random);
  const world: World = {
    repeatable,
    accepted,
    published: new Map(),
    effects: new Map(),
    dead: [],
    spent: new Set(),
    faults: 0,
    deaths: 0,
    violations: [],
    trace: time.trace,
  };

  const hasKiller = accepted.some(({ kind }) => kind === "killer");
  const budget = {
    faults: random.int(0, 5),
    crashes: hasKiller ? 1 : 2,
    outage: random.hits(0.3),
    replays: 1,
    lateCopies: random.int(0, 2),
  };
  let serial = 0;
  const nonce = () => `n${++serial}`;

  // --- broker -----------------------------------------------------------------------------------
  const queue: Message[] = [];
  const delayed: { message: Message; due: number }[] = [];

  function count(event: SimulatedEvent): void {
    const name = eventText(event);
    world.published.set(name, (world.published.get(name) ?? 0) + 1);
  }

  function publishFresh(event: SimulatedEvent, generation = 1): Message {
    count(event);
    return {
      event,
      attempt: 1,
      generation,
      copy: ++serial,
      notBefore: undefined,
      deliveryCount: 0,
      firstFailedAt: undefined,
    };
  }

  function bringBack(worker: Worker): void {
    const returned = worker.unacked.map((message) => ({
      ...message,
      deliveryCount: message.deliveryCount + 1,
    }));
    queue.unshift(...returned);
    worker.unacked = [];
  }

  for (const event of accepted) queue.push(publishFresh(event));
  // A client that repeats its POST, and an event delivered twice by a producer.
  if (random.hits(0.5)) queue.push(publishFresh(random.pick(accepted)));

  // --- ledger -----------------------------------------------------------------------------------
  const rows = new Map<string, Row>();

  function swapOne({ key, over, to }: { key: Key; over: Row | undefined; to: Row | undefined }) {
    const row = rows.get(key.id);
    const unfenced =
      bug === "unfenced release" && over?.state === "claimed" && to?.state !== "claimed";
    const isRelease = to === undefined || to.state === "forwarded";
    if (row?.rev === over?.rev || (unfenced && isRelease)) {
      if (to === undefined) rows.delete(key.id);
      else rows.set(key.id, to);
      return { written: true } as const;
    }
    return row?.rev === to?.rev ? ({ written: true } as const) : ({ written: false, row } as const);
  }

  function ledgerOf(owner: Owner): Ledger {
    return {
      look: (keys) => time.io(owner, "look", () => keys.map(({ id }) => rows.get(id))),
      swap: (changes) =>
        time.io(
          owner,
          `swap ${changes.map(({ key, to }) => `${key.id}:${to?.state ?? "-"}`).join(" ")}`,
          (fault) => {
            // A batch of statements is no transaction: a lost reply may hide a part.
            const reached = fault === "none" ? changes.length : random.int(0, changes.length);
            return changes.slice(0, reached).map(swapOne);
          },
        ),
    };
  }

  // --- sink -------------------------------------------------------------------------------------
  const proofs = new Map<string, number>();
  const flaked = new Set<string>();
  const healed = new Set<string>();
  const uncertain = new Map<string, number>();
  let sinkDown = false;

  function applyAll(worker: Worker, events: readonly Received[]) {
    const decoded = events.map((received) => ({ received, event: decode(received) }));
    for (const { event } of decoded) {
      if (event.kind === "killer") {
        crash(worker, "killed by its message");
        return [];
      }
    }
    if (sinkDown) {
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

  function consumerOf(worker: () => Worker, ledger: Ledger): Consumer {
    const label = (events: readonly Received[]) =>
      `apply ${events.map((received) => eventText(decode(received))).join(" ")}`;
    return {
      name: "model",
      repeatable,
      concurrency: 2,
      whenUncertain: random.pick(["resend", "dead-letter"]),
      parse: (body) => JSON.parse(Buffer.from(body).toString()) as Received,
      async apply(events) {
        if (bug === "complete before apply") {
          const keys = events.map(({ event }) => ({ tenant: "t", id: event.id }));
          const found = await ledger.look(keys);
          await ledger.swap(
            keys.map((key, index) => ({
              key,
              over: found[index],
              to: { state: "done", rev: nonce(), digest: events[index]!.digest },
            })),
          );
        }
        return time.io(
          worker().owner,
          label(events),
          () => applyAll(worker(), events),
          (fault) =>
            repeatable
              ? new Error("connection reset")
              : fault === "refused" && random.hits(0.5)
                ? new OutageError("connection refused")
                : new UncertainError("no answer"),
        );
      },
      probe: () =>
        time.io(worker().owner, "probe", () => {
          if (sinkDown) throw new OutageError("the sink is down");
        }),
    };
  }

  // --- workers ----------------------------------------------------------------------------------
  function forwardOf(owner: Owner): Forward {
    const carry = (delivery: Delivery, changes: Partial<Message>): Message => {
      const { body, ...rest } = delivery;
      const event = decode(JSON.parse(Buffer.from(body).toString()) as Received);
      return { ...rest, event, copy: ++serial, deliveryCount: 0, ...changes };
    };
    return {
      retry: (delivery, { attempt, generation, delayMs, notBefore, firstFailedAt }) => {
        const copy = carry(delivery, { attempt, generation, notBefore, firstFailedAt });
        const label = `publish ${eventText(copy.event)} attempt ${attempt}`;
        return time.io(owner, label, () => {
          count(copy.event);
          if (attempt > delivery.attempt) world.spent.add(eventText(copy.event));
          delayed.push({ message: copy, due: time.now() + Math.min(delayMs, 30_000) });
        });
      },
      deadLetter: (delivery, { reason }) => {
        const message = carry(delivery, {});
        return time.io(owner, `dead-letter ${eventText(message.event)}: ${reason}`, () => {
          world.dead.push({ message, reason });
        });
      },
    };
  }

  function report({ event, outcome }: Settled): void {
    if (outcome.kind !== "uncertain" || event === undefined) return;
    const name = eventText(event.data as SimulatedEvent);
    uncertain.set(name, (uncertain.get(name) ?? 0) + 1);
  }

  function start(name: string): Worker {
    const owner: Owner = { name: `${name}.${++serial}`, dead: false };
    const ledger = ledgerOf(owner);
    const worker: Worker = {
      owner,
      unacked: [],
      channel: new AbortController(),
      deadline: undefined,
      process: batchProcessor(
        consumerOf(() => worker, ledger),
        {
          ledger,
          forward: forwardOf(owner),
          retryDelays: RETRY_DELAYS,
          leaseMs: LEASE,
          process: owner.name,
          report,
          now: time.now,
          random: random.next,
          nonce,
          sleep: (ms, signal) => time.sleep(owner, ms, signal),
        },
      ),
    };
    return worker;
  }

  const workers = [start("A"), start("B")];

  function crash(worker: Worker, why: string): void {
    time.note(`${worker.owner.name} dies: ${why}`);
    world.deaths += 1;
    time.bury(worker.owner);
    bringBack(worker);
    workers[workers.indexOf(worker)] = start(worker.owner.name.slice(0, 1));
  }

  function loseChannel(worker: Worker): void {
    time.note(`${worker.owner.name} loses its channel`);
    bringBack(worker);
    worker.channel.abort(new Error("channel lost"));
  }

  /** The trigger: takes a batch, hands it over, acks when the handler resolves, else requeues. */
  function takeBatch(worker: Worker): void {
    worker.unacked = queue.splice(0, random.int(1, 4));
    worker.channel = new AbortController();
    const { channel } = worker;
    const deadline = time.now() + TIMEOUT;
    worker.deadline = deadline;
    time.note(
      `${worker.owner.name} takes ${worker.unacked.map(({ event }) => eventText(event)).join(" ")}`,
    );

    const finish = async (label: string, act: () => void): Promise<void> => {
      await time.io(worker.owner, label, () => {
        if (worker.channel === channel && !channel.signal.aborted) act();
      });
      worker.deadline = undefined;
    };
    const ack = () => finish("ack", () => (worker.unacked = []));
    const requeue = () => finish("requeue", () => bringBack(worker));
    const run = { signal: channel.signal, remainingMs: () => deadline - time.now() };
    const deliveries = worker.unacked.map(encode);

    if (bug === "ack before settle") worker.unacked = [];
    void worker.process(deliveries, run).then(ack, requeue);
  }

  // --- chance ------------------------------------------------------------------------------------
  /** The broker's own acks are not refused: a lost ack is a lost channel. */
  function faultOf(label: string): Fault {
    if (label === "ack" || label === "requeue" || world.faults >= budget.faults) return "none";
    if (!random.hits(0.08)) return "none";
    world.faults += 1;
    return random.pick(["refused", "reply lost"]);
  }

  function disturb(): Owner | undefined {
    if (budget.outage && random.hits(0.05)) {
      sinkDown = !sinkDown;
      if (!sinkDown) budget.outage = false;
      time.note(sinkDown ? "the sink goes down" : "the sink is back");
    }
    if (world.faults >= budget.faults || !random.hits(0.04)) return undefined;
    const worker = random.pick(workers);
    if (worker.deadline === undefined || budget.crashes === 0) return undefined;
    world.faults += 1;
    budget.crashes -= 1;
    const fault = random.pick(["crash", "channel", "stall"] as const);
    if (fault === "crash") crash(worker, "at random");
    if (fault === "channel") loseChannel(worker);
    if (fault !== "stall") return undefined;
    // Frozen beyond its lease, then awake again: the zombie that leases cannot exclude.
    time.note(`${worker.owner.name} freezes`);
    loseChannel(worker);
    worker.deadline = Number.POSITIVE_INFINITY;
    return worker.owner;
  }

  /** An operator mends what was refused and replays its dead letter; the tool may die in between. */
  function maybeReplay(): void {
    const letter = world.dead.find(({ message }) => message.event.kind === "refused");
    if (letter === undefined || budget.replays === 0 || !random.hits(0.1)) return;
    budget.replays -= 1;
    healed.add(eventText(letter.message.event));
    time.note(`replay of ${eventText(letter.message.event)}`);
    queue.push(publishFresh(letter.message.event, letter.message.generation + 1));
    const dies = world.faults < budget.faults && random.hits(0.3);
    if (dies) world.faults += 1;
    else world.dead.splice(world.dead.indexOf(letter), 1);
  }

  // --- run ---------------------------------------------------------------------------------------
  let stalled: { owner: Owner; until: number } | undefined;
  for (let step = 0; ; step++) {
    if (step > 4_000) {
      world.violations.push("does not come to rest");
      break;
    }
    for (let index = delayed.length - 1; index >= 0; index--) {
      if (delayed[index]!.due <= time.now())
        queue.push(...delayed.splice(index, 1).map(({ message }) => message));
    }
    const frozen = disturb();
    if (frozen !== undefined) stalled = { owner: frozen, until: step + random.int(5, 60) };
    if (stalled !== undefined && step > stalled.until) stalled = undefined;
    maybeReplay();

    const idle = workers.filter(({ deadline }) => deadline === undefined);
    if (idle.length > 0 && queue.length > 0 && random.hits(0.3)) takeBatch(random.pick(idle));
    else if (!time.stepOnce(faultOf, stalled?.owner)) {
      if (idle.length > 0 && queue.length > 0) takeBatch(random.pick(idle));
      else if (!waitForSomething() && !publishLateCopy()) break;
    }
    if (random.hits(0.1)) time.advance(random.int(1, 500));
    await microtasksRun();
    for (const worker of workers) {
      if (worker.deadline !== undefined && worker.deadline <= time.now()) crash(worker, "time-out");
    }
  }
  return world;

  /** A client repeats a POST long after. */
  function publishLateCopy(): boolean {
    if (budget.lateCopies === 0) return false;
    budget.lateCopies -= 1;
    queue.push(publishFresh(random.pick(accepted)));
    return true;
  }

  /** Nothing can happen now: the clock goes on to what comes next. False at rest. */
  function waitForSomething(): boolean {
    const busy = workers.some(({ deadline }) => deadline !== undefined);
    const dues = delayed.map(({ due }) => due);
    const timer = time.nextTimer();
    if (timer !== undefined) dues.push(timer);
    if (stalled !== undefined && (dues.length === 0 || random.hits(0.3))) stalled = undefined;
    else if (sinkDown && random.hits(0.3)) sinkDown = budget.outage = false;
    else if (dues.length === 0) return busy;
    if (dues.length > 0) time.advance(Math.max(0, Math.min(...dues) - time.now()));
    return true;
  }
}

function makeEvents(random: Chance): SimulatedEvent[] {
  let killers = 0;
  return Array.from({ length: random.int(2, 6) }, (_, index) => {
    // A fifth wears the id of the event before it: same id, other body.
    const wornTwice = index > 0 && random.hits(0.2);
    const kind: Kind = random.hits(0.55)
      ? "good"
      : random.hits(0.3) && killers++ === 0
        ? "killer"
        : random.pick(["flaky", "refused"]);
    return { id: `e${wornTwice ? index - 1 : index}`, variant: index, kind };
  });
}

function decode({ event }: Received): SimulatedEvent {
  return (event as Envelope<string, SimulatedEvent>).data;
}

function encode({ event, ...rest }: Message): Delivery {
  const received = {
    digest: String(event.variant),
    event: { id: event.id, tenant_id: "t", type: "model.event", data: event },
  };
  return { ...rest, body: Buffer.from(JSON.stringify(received)) };
}

/** Everything that follows from the step has happened once the microtasks are done. */
function microtasksRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
