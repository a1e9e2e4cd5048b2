import { type EventOfType, type EventType, parserOf } from "../../events/catalogue.ts";
import type { Received } from "../../lib/envelope/envelope.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import type { Vectors } from "./vectors.ts";

/**
 * Bound to this function's queue (infra/rabbitmq). An order is no interaction: what somebody bought is
 * said by interaction.purchased, and one order of a hundred lines would be all that a profile remembers.
 */
export const accepts = [
  "product.created",
  "product.updated",
  "product.deleted",
  "product.price.changed",
  "product.stock.updated",
  "product.stock.low",
  "product.stock.out",
  "interaction.viewed",
  "interaction.added_to_cart",
  "interaction.removed_from_cart",
  "interaction.purchased",
  "interaction.wishlisted",
  "ticket.created",
  "ticket.updated",
  "ticket.status_changed",
  "message.sent",
  "search.reindex",
] as const satisfies EventType[];

/** An event that this function understands. */
export type ProjectedEvent = EventOfType<(typeof accepts)[number]>;

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
