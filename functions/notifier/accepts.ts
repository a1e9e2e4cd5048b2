import type { EventOfType, EventType } from "../../events/catalogue.ts";

/** Bound to this function's queue (infra/rabbitmq): what rules.ts names, and what is sent as it comes. */
export const accepts = [
  "notification.email",
  "notification.sms",
  "notification.push",
  "notification.telegram",
  "order.confirmed",
  "order.shipped",
  "order.refunded",
  "payment.failed",
  "product.stock.low",
  "ticket.created",
  "ticket.status_changed",
  "message.sent",
  "user.signup",
] as const satisfies EventType[];

/** An event that somebody is told of. */
export type NotifiedEvent = EventOfType<(typeof accepts)[number]>;
