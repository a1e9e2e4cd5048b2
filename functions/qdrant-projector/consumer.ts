import { parserOf } from "../../events/catalogue.ts";
import type { Received } from "../../lib/envelope/envelope.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { accepts, type ProjectedEvent } from "./accepts.ts";
import type { Vectors } from "./vectors.ts";

export { accepts };

export const name = "qdrant-projector";

/**
 * Keeps points of products, tickets, messages and of what users like in step with the events: the same
 * points in whatever order, number and grouping they come. The proof that an event was applied is in
 * the point itself: a field's stamp, or the event among the latest of its user.
 */
export function qdrantProjector(vectors: Vectors): Consumer {
  return {
    name,
    repeatable: true,
    // Alone means a few requests each; some at once keep a server busy that answers slowly.
    concurrency: 4,
    parse: parserOf(accepts),
    async apply(received: readonly Received<ProjectedEvent>[], signal) {
      await vectors.write(
        received.map(({ event }) => event),
        signal,
      );
      return [];
    },
    probe: (signal) => vectors.probe(signal),
  };
}
