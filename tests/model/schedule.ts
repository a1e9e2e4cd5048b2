import type { Chance } from "./random.ts";

/** Something a simulated process waits for: it happens when the schedule picks it. */
type Step = {
  owner: Owner;
  label: string;
  /** Performs the effect and settles the caller's promise. */
  happen: (fault: Fault) => void;
};

/** `none`: effect and reply. The others: no effect, reply an error; or effect, reply an error. */
export type Fault = "none" | "refused" | "reply lost";

/** A process start, a zombie of one, or the broker: whoever dies takes no further step. */
export type Owner = { name: string; dead: boolean };

export type Schedule = ReturnType<typeof schedule>;

/**
 * Every await of the simulated world goes through here: I/O becomes a step that happens when
 * chance picks it, sleeping becomes a timer of a simulated clock.
 */
export function schedule(random: Chance, { traced }: { traced: boolean }) {
  let now = 1_000_000;
  const steps: Step[] = [];
  const timers = new Set<{ due: number; owner: Owner; fire: () => void }>();
  const trace: string[] = [];

  function note(text: string): void {
    if (traced) trace.push(`${now} ${text}`);
  }

  /** One round trip of `owner`. `effect` runs at most once, when the step happens. */
  function io<T>(
    owner: Owner,
    label: string,
    effect: (fault: Fault) => T,
    failure: (fault: Fault) => Error = (fault) => new Error(`${label}: ${fault}`),
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (owner.dead) return;
      const happen = (fault: Fault) => {
        note(`${owner.name} ${label}${fault === "none" ? "" : ` [${fault}]`}`);
        try {
          const result = fault === "refused" ? undefined : effect(fault);
          if (owner.dead) return;
          if (fault === "none") resolve(result as T);
          else reject(failure(fault));
        } catch (error) {
          if (!owner.dead) reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      steps.push({ owner, label, happen });
    });
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
    for (let index = steps.length - 1; index >= 0; index--) {
      if (steps[index]!.owner === owner && random.hits(0.5)) steps.splice(index, 1);
    }
    for (const timer of timers) if (timer.owner === owner) timers.delete(timer);
  }

  /** Lets one chosen step happen. False if there is none. */
  function stepOnce(faultOf: (label: string) => Fault, stalled: Owner | undefined): boolean {
    const ready = steps.filter(({ owner }) => owner !== stalled);
    if (ready.length === 0) return false;
    const step = random.pick(ready);
    steps.splice(steps.indexOf(step), 1);
    step.happen(faultOf(step.label));
    return true;
  }

  function advance(ms: number): void {
    now += ms;
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
