import { contactOf, userKey } from "../../kit/people/contact.ts";
import type { Document, Key } from "../../kit/people/directory.ts";
import { orderKey, partiesOf, ticketKey } from "../../kit/people/parties.ts";
import type { Envelope } from "../../lib/envelope/envelope.ts";
import { NotNowError } from "../../lib/pipeline/errors.ts";
import { mentionsIn } from "./mentions.ts";
import type { Recipient } from "./recipient.ts";
import type { Party } from "./rule.ts";

/** The people that an event itself may name. rule.ts ensures that the ids are present. */
export type Subject = Envelope<
  string,
  {
    user_id?: string | undefined;
    order_id?: string | undefined;
    customer_id?: string | null | undefined;
    ticket_id?: string | undefined;
    owner_id?: string | null | undefined;
    watcher_ids?: readonly string[] | null | undefined;
    mentioned_ids?: readonly string[] | null | undefined;
    content?: string | undefined;
  }
>;

/** Documents of the directory, and the recipients of the tenant's shop. */
export type Known = {
  document: (key: Key) => Document | undefined;
  shop: readonly Recipient[];
};

/**
 * The event arrived before the event that names its people. It is retried. If that event does not arrive
 * in time, the dead letter names who is missing.
 */
class NotKnownYetError extends NotNowError {
  override name = "NotKnownYetError";
}

/** How the members of a party are found. */
type Search = {
  /** The documents to read if the event itself does not name the members. */
  asks: (event: Subject) => Key[];
  /** Throws NotKnownYetError. */
  find: (event: Subject, known: Known) => readonly Recipient[];
};

export const parties: Record<Party, Search> = {
  user: {
    asks: () => [],
    find: ({ data }) => users([data.user_id]),
  },

  customer: {
    asks: (event) => (event.data.customer_id === undefined ? [orderOf(event)] : []),
    find(event, { document }) {
      const { customer_id = partiesOf(document(orderOf(event))).customer_id } = event.data;
      if (customer_id === undefined) throw notKnown("customer", "order", event.data.order_id);
      return users([customer_id]);
    },
  },

  owner: {
    asks: (event) => (event.data.owner_id === undefined ? [ticketOf(event)] : []),
    find(event, { document }) {
      const { owner_id = partiesOf(document(ticketOf(event))).owner_id } = event.data;
      if (owner_id === undefined) throw notKnown("owner", "ticket", event.data.ticket_id);
      return users([owner_id]);
    },
  },

  watchers: {
    asks: (event) => (saysWatchers(event) ? [] : [ticketOf(event)]),
    find(event, { document }) {
      if (saysWatchers(event)) return users(event.data.watcher_ids ?? []);
      const { owner_id, watcher_ids } = partiesOf(document(ticketOf(event)));
      if (owner_id === undefined) throw notKnown("watchers", "ticket", event.data.ticket_id);
      return users(watcher_ids ?? []);
    },
  },

  mentioned: {
    asks: (event) => namedIn(event),
    // An @ in free text may not mean a user. It counts only if the directory has such a user.
    find: (event, { document }) =>
      users([
        ...(event.data.mentioned_ids ?? []),
        ...namedIn(event)
          .filter((key) => contactOf(document(key)).known)
          .map(({ id }) => id),
      ]),
  },

  shop: {
    asks: () => [],
    find: (_, { shop }) => shop,
  },
};

function orderOf({ tenant_id, data }: Subject): Key {
  return orderKey(tenant_id, data.order_id ?? "");
}

function ticketOf({ tenant_id, data }: Subject): Key {
  return ticketKey(tenant_id, data.ticket_id ?? "");
}

/** A new ticket without watchers has none. */
function saysWatchers({ type, data }: Subject): boolean {
  return data.watcher_ids !== undefined || type === "ticket.created";
}

function namedIn({ tenant_id, data }: Subject): Key[] {
  return mentionsIn(data.content ?? "").map((id) => userKey(tenant_id, id));
}

function users(ids: readonly (string | null | undefined)[]): Recipient[] {
  return ids.flatMap((user_id) => (user_id == null ? [] : [{ user_id }]));
}

function notKnown(party: Party, of: "order" | "ticket", id: string | undefined): NotKnownYetError {
  const verb = party === "watchers" ? "are" : "is";
  return new NotKnownYetError(`the ${party} of ${of} ${id} ${verb} not known yet`);
}
