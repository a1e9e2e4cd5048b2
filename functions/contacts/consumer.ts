import { type EventOfType, type EventType, parserOf } from "../../events/catalogue.ts";
import type { Directory } from "../../kit/people/directory.ts";
import type { Received } from "../../lib/envelope/envelope.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { PermanentError } from "../../lib/pipeline/errors.ts";
import { changeOf } from "./change.ts";

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

export const name = "contacts";

/** Keeps the directory: the same documents in whatever order, number and grouping the events come. */
export function contacts(directory: Directory): Consumer {
  return {
    name,
    repeatable: true,
    concurrency: 8,
    parse: parserOf(accepts),
    async apply(received: readonly Received<ContactEvent>[], signal) {
      const changes = received.map((each) => changeOf(each.event));
      const leftOut = new Set(await directory.merge(changes, signal));
      return received
        .filter((_, index) => leftOut.has(changes[index]!))
        .map((each) => ({ received: each, error: new PermanentError(TOO_LARGE) }));
    },
    probe: (signal) => directory.probe(signal),
  };
}

const TOO_LARGE = "the directory's document would become larger than the directory can hold";
