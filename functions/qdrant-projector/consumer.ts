import { parserOf } from "../../events/catalogue.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { IdReusedError } from "../../lib/pipeline/errors.ts";
import { accepts } from "./accepts.ts";
import type { ReceivedEvent } from "./projection.ts";
import type { Vectors } from "./vectors.ts";

export { accepts };

export const name = "qdrant-projector";

/**
 * Keeps the points of products, tickets, messages and user profiles. Any order, number and grouping of
 * events gives the same points. The point itself proves that an event was applied: by a field's stamp, or
 * by the event in the profile's list of interactions.
 */
export function qdrantProjector(vectors: Vectors): Consumer {
  return {
    name,
    repeatable: true,
    // An event alone takes a few requests. Several at once keep a slow server busy.
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
