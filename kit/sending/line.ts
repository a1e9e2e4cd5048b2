import { LRUCache } from "lru-cache";
import { OutageError, RetryLaterError } from "../../lib/pipeline/errors.ts";
import { type Message, nameOf, RecipientBusyError } from "./transport.ts";

type To = Pick<Message<unknown>, "id" | "source" | "tenant" | "to">;

/** The messages that wait for one recipient each, in this process. */
export type Lines = {
  /** Throws RecipientBusyError, with the message's place in the line, unless it is its turn. */
  requireTurn: (message: To) => void;
  /** Call this with each message that was sent. */
  sent: (message: To) => void;
  /** Call this with the error of a send. */
  failed: (message: To, error: unknown) => void;
};

/** What one recipient takes. */
type Line = {
  /** Of the last send, epoch ms. */
  lastAt: number;
  /** Between two sends, ms, as the recipient's refusals show it; 0: not known to be slow. */
  interval: number;
  /** When each message that waits may be sent, epoch ms, by its name; in their order. */
  slots: Map<string, number>;
};

/** Recipients that are remembered. */
const RECIPIENTS = 10_000;

/** ms. A longer wait is a penalty, and says nothing about the pace. */
const SLOWEST = 60_000;

/** ms. The shortest wait that every consumer has (lib/pipeline/waits.ts). */
const SHORTEST = 1_000;

/** ms. A message that is so late has gone another way: to another process, or to the dead letters. */
const OVERDUE = 5_000;

/**
 * Keeps the order of messages to a recipient who takes one in a while. When he refuses one until later,
 * the messages behind it get a time too, one after another, and go back to the broker without a send: each
 * is tried about once, at its time. Whoever comes before the message ahead of him has come waits again.
 */
export function recipientLines({ now }: { now: () => number }): Lines {
  const lines = new LRUCache<string, Line>({ max: RECIPIENTS });

  function slotOf({ lastAt, interval, slots }: Line, name: string): number {
    let ahead: number | undefined;
    for (const [other, slot] of slots) {
      if (other === name) break;
      if (slot < now() - OVERDUE) slots.delete(other);
      else ahead = slot;
    }
    if (ahead === undefined) return lastAt + interval;
    return ahead > now() ? ahead + interval : now() + Math.max(interval, SHORTEST);
  }

  return {
    requireTurn(message) {
      const line = lines.get(keyOf(message));
      if (line === undefined) return;
      const name = nameOf(message);
      const slot = slotOf(line, name);
      if (slot > now()) {
        line.slots.set(name, slot);
        throw new RecipientBusyError("the recipient takes no message yet", slot);
      }
      // Nobody waits, and the recipient has had a rest: he may have a new pace.
      if (line.slots.size === 0) line.interval = 0;
    },

    sent(message) {
      const line = lines.get(keyOf(message)) ?? { lastAt: 0, interval: 0, slots: new Map() };
      line.lastAt = now();
      line.slots.delete(nameOf(message));
      lines.set(keyOf(message), line);
    },

    failed(message, error) {
      const line = lines.get(keyOf(message)) ?? { lastAt: 0, interval: 0, slots: new Map() };
      if (error instanceof RetryLaterError) {
        line.slots.set(nameOf(message), error.notBefore);
        const interval = error.notBefore - line.lastAt;
        if (interval <= SLOWEST) line.interval = interval;
        lines.set(keyOf(message), line);
      } else if (!(error instanceof OutageError)) line.slots.delete(nameOf(message));
    },
  };
}

function keyOf({ to }: To): string {
  return JSON.stringify(to);
}
