import type { Claimed } from "../../lib/ledger/ledger.ts";
import { batchProcessor, type ProcessBatch } from "../../lib/pipeline/process-batch.ts";
import { RETRY_DELAYS, simulatedBroker } from "./broker.ts";
import type { Bug } from "./bugs.ts";
import { eventText, isKiller, makeEvents, type Message, type SimulatedEvent } from "./event.ts";
import { simulatedLedger, STALE_MS } from "./ledger.ts";
import { chance } from "./random.ts";
import { type Fault, type Owner, type Request, schedule } from "./schedule.ts";
import { DAY, more, type World } from "./record.ts";
import { simulatedSink } from "./sink.ts";
import { drawSwitches, type Switches } from "./switches.ts";

const RETRY_LATER_FOR = 3_600_000;
const TIMEOUT = 60_000;
const LEASE = TIMEOUT + 30_000;

type Worker = {
  owner: Owner;
  skewMs: number;
  process: ProcessBatch;
  unacked: Message[];
  /** What it works on, also when the broker has taken it back. */
  inHand: Message[];
  /** Events that were done when it took its batch, and generations that were dead, by `eventText`. */
  knownDone: Set<string>;
  knownDead: Map<string, number>;
  channel: AbortController;
  /** Epoch ms at which the runtime ends the process; absent when idle. */
  deadline: number | undefined;
};

/** Runs one schedule to its rest. */
export async function runWorld(
  seed: number,
  {
    bug,
    traced = false,
    fixed = {},
  }: { bug?: Bug; traced?: boolean; fixed?: Partial<Switches> } = {},
): Promise<World> {
  const random = chance(seed);
  const time = schedule(random, { traced });
  const switches = drawSwitches(random, fixed);
  const accepted = makeEvents(random, switches);
  const world: World = {
    switches,
    accepted,
    published: new Map(),
    lastEffect: new Map(),
    dead: [],
    spent: new Set(),
    violations: [],
    trace: time.trace,
    faults: 0,
    mishaps: new Map(),
    strikes: new Map(),
    maySpend: new Set(),
    mayBeUncertain: new Set(),
    late: new Set(),
    recorded: new Set(),
    claimed: [],
    endedAt: 0,
  };
  time.note(JSON.stringify(switches));
  time.note(accepted.map((event) => `${eventText(event)} ${event.kind}`).join(", "));

  const hasKiller = accepted.some(isKiller);
  const budget = {
    faults: random.int(0, 6),
    crashes: hasKiller ? random.int(0, 2) : random.int(0, 3),
    outage: random.hits(0.3),
    replays: 1,
    lateCopies: random.int(0, 2),
    jumps: switches.aging ? random.int(0, 3) : 0,
  };
  let serial = 0;
  const nonce = () => `n${++serial}`;

  let daysPassed = 0;
  const broker = simulatedBroker({ world, time, bug, serial: () => ++serial });
  const { queue } = broker;

  function publishFresh(event: SimulatedEvent, generation = 1): Message {
    // What the ledger has forgotten may die once more.
    if (daysPassed > 29) more(world.mishaps, event.id);
    return broker.publishFresh(event, generation);
  }

  function bringBack(worker: Worker): void {
    broker.requeue(worker.unacked);
    worker.unacked = [];
  }

  for (const event of accepted) queue.push(publishFresh(event));
  // A client that repeats its POST, and an event delivered twice by a producer.
  for (let copies = random.int(0, 2); copies > 0; copies--) {
    queue.splice(random.int(0, queue.length), 0, publishFresh(random.pick(accepted)));
  }

  const ledger = simulatedLedger({ time, random, bug, switches, onClaim, onMissed });
  const sink = simulatedSink({ world, time, random, bug, nonce });

  // --- workers ----------------------------------------------------------------------------------
  function start(name: string): Worker {
    const owner: Owner = { name: `${name}.${++serial}`, dead: false };
    const skewMs = random.int(-switches.skewMs, switches.skewMs);
    const ports = { owner, ledger: ledger.of(owner) };
    const worker: Worker = {
      owner,
      skewMs,
      unacked: [],
      inHand: [],
      knownDone: new Set(),
      knownDead: new Map(),
      channel: new AbortController(),
      deadline: undefined,
      process: batchProcessor(
        sink.consumerOf({
          ...ports,
          killed: () => crash(worker, KILLED),
          notBefore: (event) =>
            Math.min(...copiesOf(event, worker).map(({ notBefore }) => notBefore ?? 0)),
          knewDone: (event) => worker.knownDone.has(eventText(event)),
          knewDead: (event) =>
            copiesOf(event, worker).every(
              ({ generation }) => generation <= (worker.knownDead.get(eventText(event)) ?? 0),
            ),
        }),
        {
          ledger: ports.ledger,
          forward: broker.forwardOf(owner),
          retryDelays: RETRY_DELAYS,
          retryLaterFor: RETRY_LATER_FOR,
          leaseMs: LEASE,
          process: owner.name,
          report: sink.reported,
          now: () => time.now() + skewMs,
          random: random.next,
          nonce,
          sleep: (ms, signal) => time.sleep(owner, ms, signal),
        },
      ),
    };
    return worker;
  }

  const workers = ["A", "B", "C"].slice(0, switches.workers).map(start);

  function copiesOf(event: SimulatedEvent, { inHand }: Worker): Message[] {
    return inHand.filter((message) => eventText(message.event) === eventText(event));
  }

  function crash(worker: Worker, why: string): void {
    time.note(`${worker.owner.name} dies: ${why}`);
    if (why !== KILLED) strike(worker);
    interrupt(worker);
    time.bury(worker.owner);
    bringBack(worker);
    workers[workers.indexOf(worker)] = start(worker.owner.name.slice(0, 1));
  }

  /** An end from outside counts against what was claimed alone. */
  function strike({ owner }: Worker): void {
    for (const id of ledger.claimedAloneBy(owner)) more(world.strikes, id);
  }

  /** What the process has in hand goes on without it: nobody is sure of its sends. */
  function interrupt({ inHand }: Worker): void {
    for (const { event } of inHand) {
      more(world.mishaps, event.id);
      if (switches.repeatable) continue;
      world.maySpend.add(event.id);
      world.mayBeUncertain.add(event.id);
    }
  }

  function loseChannel(worker: Worker): void {
    time.note(`${worker.owner.name} loses its channel`);
    for (const { event } of worker.inHand) more(world.mishaps, event.id);
    strike(worker);
    bringBack(worker);
    worker.channel.abort(new Error("channel lost"));
  }

  /** The trigger: takes a batch, hands it over, acks when the handler resolves, else requeues. */
  function takeBatch(worker: Worker): void {
    worker.unacked = queue.splice(0, random.int(1, 5));
    worker.inHand = [...worker.unacked];
    const staleMs = switches.sets === "stale" ? STALE_MS : 0;
    worker.knownDone = new Set(accepted.filter((event) => isDone(event, staleMs)).map(eventText));
    worker.knownDead = new Map(accepted.map((event) => [eventText(event), deadGeneration(event)]));
    worker.channel = new AbortController();
    const { channel } = worker;
    const deadline = time.now() + TIMEOUT;
    worker.deadline = deadline;
    time.note(
      `${worker.owner.name} takes ${worker.unacked.map(({ event }) => eventText(event)).join(" ")}`,
    );

    const finish = async (label: string, act: () => void): Promise<void> => {
      await time.io({ owner: worker.owner, label, ids: [] }, () => {
        if (worker.channel === channel && !channel.signal.aborted) act();
      });
      worker.deadline = undefined;
      worker.inHand = [];
    };
    const ack = () => finish("ack", () => (worker.unacked = []));
    const requeue = () => finish("requeue", () => bringBack(worker));
    const run = { signal: channel.signal, remainingMs: () => deadline - time.now() };
    const deliveries = worker.unacked.map(broker.delivered);

    if (bug === "ack before settle") worker.unacked = [];
    void worker.process(deliveries, run).then(ack, requeue);
  }

  // --- chance ------------------------------------------------------------------------------------
  /** The broker's own acks are not refused: a lost ack is a lost channel. */
  function faultOf({ owner, label, ids, mayBeLate = false }: Request): Fault {
    const [what = ""] = label.split(" ");
    if (["ack", "requeue", "gather"].includes(what)) return "none";
    if (world.faults >= budget.faults || !random.hits(0.08)) return "none";
    world.faults += 1;
    const fault = random.pick(["refused", "reply lost", ...(mayBeLate ? ["late"] : [])] as Fault[]);
    const worker = workers.find((each) => each.owner === owner);
    // What may have been sent keeps its claim when the batch is thrown back.
    if (worker !== undefined && !switches.repeatable) strike(worker);
    const inHand = worker?.inHand.map(({ event }) => event.id) ?? [];
    for (const id of new Set([...ids, ...inHand])) more(world.mishaps, id);
    for (const id of ids) {
      if (fault === "late") world.late.add(id);
      // A claim that is not given back, or that was written all the same, looks like that of a dead process.
      if (what === "swap" || what === "mark") more(world.strikes, id);
      const isSend = !switches.repeatable && (what === "apply" || what === "swap");
      if (isSend) world.mayBeUncertain.add(id);
      if (isSend || what === "apply" || what === "get") world.maySpend.add(id);
    }
    return fault;
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
    interrupt(worker);
    // Frozen beyond its lease, then awake again: the zombie that leases cannot exclude.
    time.note(`${worker.owner.name} freezes`);
    loseChannel(worker);
    // Pruning counts on it that no process outlives its time-out by as much again.
    if (switches.aging) worker.deadline += TIMEOUT - 20_000;
    else worker.deadline = Number.POSITIVE_INFINITY;
    return worker.owner;
  }

  /** An operator mends what was refused and replays its dead letter; the tool may die in between. */
  function maybeReplay(): void {
    const letter = world.dead.find(({ message }) => message.event.kind === "refused");
    if (letter === undefined || !random.hits(0.1)) return;
    // Mended, and nobody replays it: a copy that is still on its way must not be applied.
    if (random.hits(0.5)) sink.heal(letter.message.event);
    if (budget.replays === 0) return;
    budget.replays -= 1;
    sink.heal(letter.message.event);
    time.note(`replay of ${eventText(letter.message.event)}`);
    queue.push(publishFresh(letter.message.event, letter.message.generation + 1));
    const dies = world.faults < budget.faults && random.hits(0.3);
    if (dies) {
      world.faults += 1;
      more(world.mishaps, letter.message.event.id);
    } else world.dead.splice(world.dead.indexOf(letter), 1);
  }

  // --- run ---------------------------------------------------------------------------------------
  let stalled: { owner: Owner; until: number } | undefined;
  for (let step = 0; ; step++) {
    if (step > MOST_STEPS) {
      world.violations.push("does not come to rest");
      break;
    }
    broker.deliverDue();
    const frozen = disturb();
    if (frozen !== undefined) stalled = { owner: frozen, until: step + random.int(5, 60) };
    if (stalled !== undefined && step > stalled.until) stalled = undefined;
    maybeReplay();

    const idle = workers.filter(({ deadline }) => deadline === undefined);
    if (idle.length > 0 && queue.length > 0 && random.hits(0.3)) takeBatch(random.pick(idle));
    else if (!time.stepOnce(faultOf, stalled?.owner)) {
      if (idle.length > 0 && queue.length > 0) takeBatch(random.pick(idle));
      else if (!waitForSomething() && !letWeeksPass() && !publishLateCopy()) break;
    }
    if (random.hits(0.1)) time.advance(random.int(1, 500));
    if (switches.aging && random.hits(0.05)) sink.prune(ledger, 2 * TIMEOUT);
    await microtasksRun();
    for (const worker of workers) {
      if (worker.deadline !== undefined && worker.deadline <= time.now()) crash(worker, "time-out");
    }
  }
  world.recorded = new Set(accepted.filter((event) => isDone(event)).map(eventText));
  world.claimed = ledger.claims();
  world.endedAt = time.now();
  return world;

  function isDone({ id, variant }: SimulatedEvent, staleMs = 0): boolean {
    return ledger.isDone(id, String(variant), staleMs);
  }

  function onMissed(id: string): void {
    world.violations.push(`a fresh look misses the row of ${id}`);
  }

  /** Only what happened from outside while it was alone may speak against an innocent. */
  function onClaim(owner: Owner, id: string, { digest, crashes, shared }: Claimed): void {
    const event = accepted.find(({ variant }) => String(variant) === digest)!;
    const accused = crashes.length;
    const strikes = world.strikes.get(id) ?? 0;
    if (!isKiller(event) && accused > strikes) {
      world.violations.push(`${eventText(event)} is accused ${accused} times for ${strikes}`);
    }
    // A claim that arrives after the process, or its channel, was lost.
    const worker = workers.find((each) => each.owner === owner);
    if (!shared && worker?.channel.signal.aborted !== false) more(world.strikes, id);
  }

  function deadGeneration({ id, variant }: SimulatedEvent): number {
    const row = ledger.rowAt(id);
    const isDead = row?.state === "forwarded" && row.attempt === "dead";
    return isDead && row.digest === String(variant) ? row.generation : 0;
  }

  /** Rows, and then sets, expire. */
  function letWeeksPass(): boolean {
    if (budget.jumps === 0) return false;
    budget.jumps -= 1;
    const days = random.int(1, 35);
    time.note(`${days} days pass`);
    time.advance(days * DAY);
    daysPassed += days;
    return true;
  }

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
    const dues = broker.dues();
    const timer = time.nextTimer();
    if (timer !== undefined) dues.push(timer);
    if (stalled !== undefined && (dues.length === 0 || random.hits(0.3))) stalled = undefined;
    else if (sink.down && random.hits(0.3)) sink.down = budget.outage = false;
    else if (dues.length === 0) return busy;
    if (dues.length > 0) time.advance(Math.max(0, Math.min(...dues) - time.now()));
    return true;
  }
}

const KILLED = "killed by its message";
const MOST_STEPS = 10_000;

/** Everything that follows from the step has happened once the microtasks are done. */
function microtasksRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
