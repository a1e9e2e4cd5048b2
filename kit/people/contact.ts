import * as z from "zod";
import { pushSubscriptions } from "../../events/fields.ts";
import { channel } from "../../events/requests.ts";
import { newer } from "../stamped.ts";
import type { Document, Field, Key } from "./directory.ts";

/** The channels of messages. */
export const channels = channel.options;
export type Channel = z.infer<typeof channel>;
export type PushSubscription = z.infer<typeof pushSubscriptions>[number];

/**
 * What is known of a user. An address is undefined if no event has named it, and null if an event said
 * that there is none.
 */
export type Contact = {
  /**
   * Whether customer.created or user.signup has arrived. If so, a missing address does not exist;
   * otherwise it may still arrive.
   */
  known: boolean;
  name: string | null | undefined;
  email: string | null | undefined;
  phone: string | null | undefined;
  /** BCP 47, as the event had it. */
  locale: string | null | undefined;
  telegram_chat_id: string | null | undefined;
  push_subscriptions: readonly PushSubscription[] | null | undefined;
};

/** The key of a user's document: the contact, and opt-outs by user. */
export function userKey(tenant: string, id: string): Key {
  return { tenant, kind: "user", id };
}

/**
 * The key of the document of a literal address, phone number or chat: opt-outs by address. All spellings
 * of one address give one key: mail addresses ignore case, phone numbers keep only digits.
 */
export function addressKey(tenant: string, channel: Channel, address: string): Key {
  const one =
    channel === "email"
      ? address.trim().toLowerCase()
      : channel === "sms"
        ? address.replace(/\D/g, "")
        : address;
  return { tenant, kind: "address", id: `${channel}:${one}` };
}

/** Reads a user's document. Throws if functions/contacts did not write it. */
export function contactOf(document: Document | undefined): Contact {
  const value = (name: string) => document?.[name]?.value;
  return {
    known: value("known") === true,
    name: text.parse(value("name")),
    email: text.parse(value("email")),
    phone: text.parse(value("phone")),
    locale: text.parse(value("locale")),
    telegram_chat_id: text.parse(value("telegram_chat_id")),
    push_subscriptions: pushSubscriptions.nullish().parse(value("push_subscriptions")),
  };
}

const text = z.string().nullish();

/** The field with an opt-out: from one kind, or from the whole channel. */
export function optOutField(channel: Channel, kind?: string): string {
  return kind === undefined ? `opt_out:${channel}` : `opt_out:${channel}:${kind}`;
}

/**
 * Whether the recipient opted out of this kind on this channel. `documents` are those of the user and of
 * the address, if they exist. Of all statements about the channel or the kind, for the user or for the
 * address, the newest counts.
 */
export function isOptedOut(
  documents: readonly (Document | undefined)[],
  { channel, kind }: { channel: Channel; kind: string },
): boolean {
  let newest: Field | undefined;
  for (const document of documents) {
    for (const name of [optOutField(channel), optOutField(channel, kind)]) {
      const field = document?.[name];
      if (field !== undefined) newest = newer(newest, field);
    }
  }
  return newest?.value === true;
}
