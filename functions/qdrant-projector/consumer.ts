import { parserOf } from "../../events/catalogue.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { IdReusedError } from "../../lib/pipeline/errors.ts";
import { accepts } from "./accepts.ts";
import type { ReceivedEvent } from "./projection.ts";
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
    async apply(received: readonly ReceivedEvent[], signal) {
      const reused = await vectors.write(received, signal);
      return reused.map((each) => ({ received: each, error: new IdReusedError(REUSED) }));
    },
    probe: (signal) => vectors.probe(signal),
  };
}

const REUSED = "the point holds another event under this id";
