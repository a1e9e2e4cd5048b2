import type { EventOfType, EventType } from "../../events/catalogue.ts";

/**
 * infra/rabbitmq binds these types to this function's queue. Orders are not among them:
 * interaction.purchased says what a user bought, and one order of a hundred lines would fill a profile.
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
