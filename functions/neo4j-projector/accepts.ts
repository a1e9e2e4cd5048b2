import type { EventOfType, EventType } from "../../events/catalogue.ts";

/** infra/rabbitmq binds these types to this function's queue. */
export const accepts = [
  "interaction.viewed",
  "interaction.added_to_cart",
  "interaction.removed_from_cart",
  "interaction.purchased",
  "interaction.wishlisted",
  "order.created",
  "order.confirmed",
  "order.paid",
  "order.processing",
  "order.shipped",
  "order.delivered",
  "order.cancelled",
  "order.refunded",
  "payment.initiated",
  "payment.completed",
  "payment.failed",
  "payment.refund.completed",
  "product.created",
  "product.updated",
  "product.deleted",
  "product.price.changed",
  "product.stock.updated",
  "product.stock.low",
  "product.stock.out",
  "customer.created",
  "customer.updated",
  "customer.segment.changed",
  "customer.tier.changed",
  "customer.points.earned",
  "customer.points.redeemed",
  "user.signup",
  "ticket.created",
  "ticket.updated",
  "ticket.status_changed",
  "message.sent",
] as const satisfies EventType[];

/** An event that this function understands. */
export type ProjectedEvent = EventOfType<(typeof accepts)[number]>;
