import type { EventOfType, EventType } from "../../events/catalogue.ts";

/** infra/rabbitmq binds these types to this function's queue: events of rules.ts, and ready notifications. */
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

/** An event that leads to notifications. */
export type NotifiedEvent = EventOfType<(typeof accepts)[number]>;
