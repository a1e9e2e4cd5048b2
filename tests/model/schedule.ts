import type { Chance } from "./random.ts";

/** Something a simulated process waits for: it happens when the schedule picks it. */
type Step = Request & {
  since: number;
  /** A request on its way that nobody waits for any more: it arrives before this time, or never. */
  by?: number;
  /** Performs the effect and settles the caller's promise. */
  happen: (fault: Fault) => void;
};

export type Request = {
  owner: Owner;
  label: string;
  /** The ids of the events that it is about. */
  ids: readonly string[];
  /** It may take effect after its error was reported. */
  mayBeLate?: boolean;
};

/**
 * `none`: effect and reply. The others reply with an error: `refused` has no effect, `reply lost` has
 * it, `late` has it afterwards.
 */
export type Fault = "none" | "refused" | "reply lost" | "late";

/** A process start, a zombie of one, or the broker: whoever dies takes no further step. */
export type Owner = { name: string; dead: boolean };

export type Schedule = ReturnType<typeof schedule>;

/** How long a request may be on its way, ms. */
const ON_ITS_WAY_MS = 10_000;

/**
 * Every await of the simulated world goes through here: I/O becomes a step that happens when
 * chance picks it, sleeping becomes a timer of a simulated clock.
 */
export function schedule(random: Chance, { traced }: { traced: boolean }) {
  let now = 1_000_000;
  let steps: Step[] = [];
  const timers = new Set<{ due: number; owner: Owner; fire: () => void }>();
  const trace: string[] = [];

  function note(text: string): void {
    if (traced) trace.push(`${now} ${text}`);
  }

  /** One round trip of its owner. `effect` runs at most once, when the step happens. */
  function io<T>(
    request: Request,
    effect: (fault: Fault) => T,
    failure: (fault: Fault) => Error = (fault) => new Error(`${request.label}: ${fault}`),
  ): Promise<T> {
    const { owner, label } = request;
    return new Promise<T>((resolve, reject) => {
      if (owner.dead) return;
      const happen = (fault: Fault) => {
        note(`${owner.name} ${label}${fault === "none" ? "" : ` [${fault}]`}`);
        try {
          const result = fault === "refused" || fault === "late" ? undefined : effect(fault);
          if (fault === "late") arriveLater(request, () => effect(fault));
          if (owner.dead) return;
          if (fault === "none") resolve(result as T);
          else reject(failure(fault));
        } catch (error) {
          if (!owner.dead) reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      steps.push({ ...request, since: now, happen });
    });
  }

  function arriveLater(request: Request, effect: () => void): void {
    const owner = { name: `${request.owner.name}'s late`, dead: false };
    const happen = () => {
      note(`${owner.name} ${request.label}`);
      effect();
    };
    steps.push({ ...request, owner, since: now, by: now + ON_ITS_WAY_MS, happen });
  }

  function sleep(owner: Owner, ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = { due: now + ms, owner, fire: resolve };
      timers.add(timer);
      signal?.addEventListener(
        "abort",
        () => {
          timers.delete(timer);
          reject(new Error("sleep interrupted"));
        },
        { once: true },
      );
    });
  }

  /** The steps of a dead process: those on the wire may still happen, without anybody to see it. */
  function bury(owner: Owner): void {
    owner.dead = true;
    steps = steps.filter((step) => step.owner !== owner || random.hits(0.5));
    for (const timer of timers) if (timer.owner === owner) timers.delete(timer);
  }

  /** Lets one chosen step happen. False if there is none. */
  function stepOnce(faultOf: (request: Request) => Fault, stalled: Owner | undefined): boolean {
    const ready = steps.filter(({ owner }) => owner !== stalled);
    if (ready.length === 0) return false;
    const step = random.pick(ready);
    steps.splice(steps.indexOf(step), 1);
    step.happen(step.by === undefined && !step.owner.dead ? faultOf(step) : "none");
    return true;
  }

  function advance(ms: number): void {
    const then = now + ms;
    const arriving = steps.filter(({ by }) => by !== undefined && by <= then);
    steps = steps.filter(
      (step) => !arriving.includes(step) && (!step.owner.dead || step.since + ON_ITS_WAY_MS > then),
    );
    for (const step of arriving) step.happen("none");
    now = then;
    for (const timer of timers) {
      if (timer.due > now) continue;
      timers.delete(timer);
      timer.fire();
    }
  }

  function nextTimer(): number | undefined {
    let due: number | undefined;
    for (const timer of timers) if (due === undefined || timer.due < due) due = timer.due;
    return due;
  }

  return { now: () => now, note, trace, io, sleep, bury, stepOnce, advance, nextTimer };
}
