import { addressKey, optOutField, userKey } from "../../kit/people/contact.ts";
import type { Change, Document } from "../../kit/people/directory.ts";
import { orderKey, ticketKey } from "../../kit/people/parties.ts";
import { provenStamp } from "../../kit/stamped.ts";
import type { Received } from "../../lib/envelope/envelope.ts";
import type { ContactEvent } from "./accepts.ts";

/** The change of one event to its document. Pure. */
export function changeOf(received: Received<ContactEvent>): Change {
  const { type, tenant_id: tenant, data } = received.event;
  const stamp = provenStamp(received);
  const change = (key: Change["key"], values: Record<string, unknown>): Change => ({
    key,
    fields: said(stamp, values),
  });

  switch (type) {
    case "customer.created":
      return change(userKey(tenant, data.customer_id), { known: true, ...contactIn(data) });
    case "customer.updated":
      return change(userKey(tenant, data.customer_id), contactIn(data.changes));
    case "user.signup":
      return change(userKey(tenant, data.user_id), { known: true, ...contactIn(data) });
    case "recipient.unsubscribed":
    case "recipient.resubscribed": {
      const { channel, user_id, address = "", kind } = data;
      const key =
        user_id === undefined ? addressKey(tenant, channel, address) : userKey(tenant, user_id);
      return change(key, { [optOutField(channel, kind)]: type === "recipient.unsubscribed" });
    }
    case "order.created":
      return change(orderKey(tenant, data.order_id), { customer_id: data.customer_id });
    case "ticket.created":
      return change(ticketKey(tenant, data.ticket_id), {
        owner_id: data.owner_id,
        watcher_ids: data.watcher_ids,
      });
    case "ticket.updated":
      // The contract does not name `owner_id` here, so nobody has checked it.
      return change(ticketKey(tenant, data.ticket_id), { watcher_ids: data.changes.watcher_ids });
  }
}

type Said<T> = { [Name in keyof T]?: T[Name] | null | undefined };

function contactIn({
  name,
  email,
  phone,
  locale,
  telegram_chat_id,
  push_subscriptions,
}: Said<{
  name: string;
  email: string;
  phone: string;
  locale: string;
  telegram_chat_id: string;
  push_subscriptions: readonly object[];
}>): Record<string, unknown> {
  return { name, email, phone, locale, telegram_chat_id, push_subscriptions };
}

/** Omitted fields stay unchanged; null clears a field. */
function said(stamp: string, values: Record<string, unknown>): Document {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, { stamp, value }]));
}
