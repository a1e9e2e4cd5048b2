import type { Received } from "../../lib/envelope/envelope.ts";
import type { Delivery } from "../../lib/pipeline/message.ts";
import type { Forward } from "../../lib/pipeline/message.ts";
import { batchProcessor, type ProcessBatch } from "../../lib/pipeline/process-batch.ts";
import { waitFor, waitsOf } from "../../lib/pipeline/waits.ts";
import {
  type Bug,
  decode,
  encode,
  eventText,
  makeEvents,
  type Message,
  type SimulatedEvent,
  type World,
} from "./event.ts";
import { simulatedLedger } from "./ledger.ts";
import { chance } from "./random.ts";
import { type Fault, type Owner, schedule } from "./schedule.ts";
import { simulatedSink } from "./sink.ts";

const RETRY_DELAYS = [5_000, 5_000, 5_000, 5_000, 30_000, 30_000, 30_000, 30_000];
const WAITS = waitsOf(RETRY_DELAYS);
const RETRY_LATER_FOR = 3_600_000;
const TIMEOUT = 60_000;
const LEASE = TIMEOUT + 30_000;

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
      suspect: false,
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

  const ledgerOf = simulatedLedger({ time, random, bug });
  const sink = simulatedSink({ world, time, random, bug, nonce });

  // --- workers ----------------------------------------------------------------------------------
  function forwardOf(owner: Owner): Forward {
    const carry = (delivery: Delivery, changes: Partial<Message>): Message => {
      const { body, ...rest } = delivery;
      const event = decode(JSON.parse(Buffer.from(body).toString()) as Received);
      return { ...rest, event, copy: ++serial, deliveryCount: 0, ...changes };
    };
    return {
      retry: (delivery, { delayMs, ...changes }) => {
        const { attempt } = changes;
        const copy = carry(delivery, changes);
        const label = `publish ${eventText(copy.event)} attempt ${attempt}`;
        return time.io(owner, label, () => {
          count(copy.event);
          if (attempt > delivery.attempt) world.spent.add(eventText(copy.event));
          delayed.push({ message: copy, due: time.now() + waitFor(delayMs, WAITS) });
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

  function start(name: string): Worker {
    const owner: Owner = { name: `${name}.${++serial}`, dead: false };
    const ledger = ledgerOf(owner);
    const worker: Worker = {
      owner,
      unacked: [],
      channel: new AbortController(),
      deadline: undefined,
      process: batchProcessor(
        sink.consumerOf({
          owner,
          ledger,
          killed: () => crash(worker, "killed by its message"),
        }),
        {
          ledger,
          forward: forwardOf(owner),
          retryDelays: RETRY_DELAYS,
          retryLaterFor: RETRY_LATER_FOR,
          leaseMs: LEASE,
          process: owner.name,
          report: sink.reported,
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
      sink.down = !sink.down;
      if (!sink.down) budget.outage = false;
      time.note(sink.down ? "the sink goes down" : "the sink is back");
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
    sink.heal(letter.message.event);
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
    else if (sink.down && random.hits(0.3)) sink.down = budget.outage = false;
    else if (dues.length === 0) return busy;
    if (dues.length > 0) time.advance(Math.max(0, Math.min(...dues) - time.now()));
    return true;
  }
}

/** Everything that follows from the step has happened once the microtasks are done. */
function microtasksRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
