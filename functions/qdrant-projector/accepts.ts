import type { EventOfType, EventType } from "../../events/catalogue.ts";

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
