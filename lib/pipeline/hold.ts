import { backoff } from "../async/sleep.ts";
import { isUnknown } from "./classify.ts";
import type { Consumer } from "./consumer.ts";
import { OutageError } from "./errors.ts";
import { keyText, type Letter } from "./letter.ts";
import { HandedBackError, type TimeBudget } from "./time-budget.ts";

/** What the sink showed lately, over the batches of one process. */
export type SinkHealth = {
  /** A message was applied. */
  succeeded(): void;
  /** Whether this error, of all of these messages, is an outage. Counts the unknown ones. */
  isOutage(error: unknown, letters: readonly Letter[]): boolean;
};

/**
 * An OutageError is an outage. So is an unknown error once it has hit every message of several
 * groups, and several different messages, with no success between: a store that fails in a way
 * its adapter does not know must not spend the attempts of everything that passes by. From a
 * consumer that is not repeatable an unknown error may hide a send, so it is none.
 */
export function sinkHealth({ repeatable }: { repeatable: boolean }): SinkHealth {
  let groups = 0;
  const victims = new Set<string>();

  return {
    succeeded() {
      groups = 0;
      victims.clear();
    },
    isOutage(error, letters) {
      if (error instanceof OutageError) return true;
      if (!repeatable || !isUnknown(error)) return false;
      groups += 1;
      for (const { key } of letters) if (victims.size < SEVERAL) victims.add(keyText(key));
      return groups >= SEVERAL && victims.size >= SEVERAL;
    },
  };
}

const SEVERAL = 3;

/** One group, or one message alone, waiting for its sink. */
export type Hold = {
  /**
   * Call with each outage. Waits until the sink proves healthy; then the group is tried again.
   * False if the sink was healthy before and again right after the failure, twice in a row: then
   * it was no outage, and it counts against the messages.
   * Throws HandedBackError when the time for this batch is over.
   */
  outlast(error: unknown): Promise<boolean>;
};

/** Between two probes, ms. */
const FIRST_WAIT = 250;
const LONGEST_WAIT = 10_000;

export function hold({
  consumer,
  time,
  sleep,
  random,
}: {
  consumer: Consumer;
  time: TimeBudget;
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  random: () => number;
}): Hold {
  const waits = backoff({ firstMs: FIRST_WAIT, lastMs: LONGEST_WAIT, spread: 0.1, random });
  let healthyBefore = false;
  let strikes = 0;

  async function isHealthy(): Promise<boolean> {
    try {
      await time.within((signal) => consumer.probe(signal));
      return true;
    } catch (error) {
      if (error instanceof HandedBackError) throw error;
      return false;
    }
  }

  return {
    async outlast(error) {
      strikes = (await isHealthy()) && healthyBefore ? strikes + 1 : 0;
      if (strikes === 2) return false;

      do {
        const wait = waits.next();
        time.require(wait, error);
        await sleep(wait, time.stopped);
        healthyBefore = await isHealthy();
      } while (!healthyBefore);
      return true;
    },
  };
}
