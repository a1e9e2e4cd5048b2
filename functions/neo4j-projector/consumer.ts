import { parserOf } from "../../events/catalogue.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { IdReusedError, PermanentError } from "../../lib/pipeline/errors.ts";
import { accepts } from "./accepts.ts";
import type { Graph, ReceivedEvent } from "./graph.ts";

export { accepts };

export const name = "neo4j-projector";

/**
 * Keeps a graph of users, products, orders and tickets. Any order, number and grouping of events gives
 * the same graph. `expiry` is for LEDGER=none, where proofs are deleted by age: older events are refused,
 * because nothing says whether they were applied.
 */
export function neo4jProjector(
  graph: Graph,
  expiry?: { ageMs: number; now: () => number },
): Consumer {
  return {
    name,
    repeatable: true,
    // An event alone takes one transaction. A few at once keep a slow server busy.
    concurrency: 8,
    parse: parserOf(accepts),
    async apply(received: readonly ReceivedEvent[], signal) {
      const oldest = expiry === undefined ? -Infinity : expiry.now() - expiry.ageMs;
      const isExpired = ({ event }: ReceivedEvent) => Date.parse(event.timestamp) < oldest;

      const expired = expiry === undefined ? [] : received.filter(isExpired);
      const current = expiry === undefined ? received : received.filter((each) => !isExpired(each));
      const reused = await graph.write(current, signal);
      return [
        ...expired.map((each) => ({ received: each, error: new PermanentError(EXPIRED) })),
        ...reused.map((each) => ({ received: each, error: new IdReusedError(REUSED) })),
      ];
    },
    probe: (signal) => graph.probe(signal),
  };
}

const EXPIRED = "expired: without a ledger nobody knows any more whether this has been applied";
const REUSED = "the graph holds another event under this id";
