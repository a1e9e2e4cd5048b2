import type { EventOfType, EventType } from "../../events/catalogue.ts";

/** infra/rabbitmq binds these types to this function's queue. */
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

/** An event about a user, or about the people of an order or a ticket. */
export type ContactEvent = EventOfType<(typeof accepts)[number]>;
