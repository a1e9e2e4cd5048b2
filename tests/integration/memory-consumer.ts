import { digestOf, type Envelope } from "../../lib/envelope/envelope.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { OutageError, PermanentError } from "../../lib/pipeline/errors.ts";

export type MemoryConsumer = {
  consumer: Consumer;
  /** Ids, in the order they were applied. */
  applied: string[];
  /** From now on; `undefined` heals. */
  fail: (how: "outage" | undefined) => void;
};

/** A consumer whose sink is an array; refuses events whose data say so (`refuse: "always" | "now"`). */
export function memoryConsumer({ name }: { name: string }): MemoryConsumer {
  const applied: string[] = [];
  let failing: "outage" | undefined;
  const requireSink = () => {
    if (failing) throw new OutageError("the array is away");
  };
  return {
    applied,
    fail: (how) => (failing = how),
    consumer: {
      name,
      repeatable: true,
      concurrency: 1,
      parse(body) {
        const event = JSON.parse(Buffer.from(body).toString()) as Envelope;
        return { event, digest: digestOf(event) };
      },
      async apply(events) {
        requireSink();
        return events.flatMap((received) => {
          const { id, data } = received.event as Envelope<string, { refuse?: string }>;
          if (data.refuse === "always") return [{ received, error: new PermanentError("never") }];
          if (data.refuse === "now") return [{ received, error: new Error("not now") }];
          applied.push(id);
          return [];
        });
      },
      async probe() {
        requireSink();
      },
    },
  };
}
