import fc from "fast-check";
import { expect } from "vitest";
import type { Received } from "../../lib/envelope/envelope.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";

/**
 * A history, its events with ids, and `batches` of their indexes in which each comes at least once, in an
 * order and in groups of their own. `together`: to two workers at the same time.
 */
export function deliveriesOf<Event extends object>(histories: fc.Arbitrary<Event[]>) {
  return histories
    .map((events) => events.map((each, i) => ({ ...each, id: `evt_${i}` })))
    .chain((history) =>
      fc
        .array(fc.nat(history.length - 1), { maxLength: 8 })
        .chain((repeats) => {
          const all = [...history.keys(), ...repeats];
          return fc.shuffledSubarray(all, { minLength: all.length });
        })
        .chain((order) =>
          fc.record({
            history: fc.constant(history),
            batches: fc
              .array(fc.integer({ min: 1, max: 8 }), {
                minLength: order.length,
                maxLength: order.length,
              })
              .map((sizes) => split(order, sizes)),
            together: fc.boolean(),
          }),
        ),
    );
}

/** Applies one batch after the other, of which nothing may fail. */
export async function deliver(to: Consumer, batches: readonly Received[][]): Promise<void> {
  const never = new AbortController().signal;
  for (const batch of batches) expect(await to.apply(batch, never)).toEqual([]);
}

function split(order: readonly number[], sizes: readonly number[]): number[][] {
  const batches: number[][] = [];
  for (let from = 0, i = 0; from < order.length; from += sizes[i]!, i += 1) {
    batches.push(order.slice(from, from + sizes[i]!));
  }
  return batches;
}
