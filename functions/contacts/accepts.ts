import type { EventOfType, EventType } from "../../events/catalogue.ts";

/** Bound to this function's queue (infra/rabbitmq). */
export const accepts = [
  "customer.created",
  "customer.updated",
  "user.signup",
  "recipient.unsubscribed",
  "recipient.resubscribed",
  "order.created",
  "ticket.created",
  "ticket.updated",
] as const satisfies EventType[];

/** An event that says something about people, or about who belongs to an order or a ticket. */
export type ContactEvent = EventOfType<(typeof accepts)[number]>;
