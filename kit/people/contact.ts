import * as z from "zod";
import { pushSubscriptions } from "../../events/fields.ts";
import { channel } from "../../events/requests.ts";
import { newer } from "../stamped.ts";
import type { Document, Field, Key } from "./directory.ts";

/** How a message reaches people. */
export const channels = channel.options;
export type Channel = z.infer<typeof channel>;
export type PushSubscription = z.infer<typeof pushSubscriptions>[number];

/**
 * What is known of a user. Of an address: undefined, nobody has said anything about it; null, it was
 * said that there is none.
 */
export type Contact = {
  /**
   * Whether the user was introduced (customer.created, user.signup): if so, an address that is not
   * here is not merely late.
   */
  known: boolean;
  name: string | null | undefined;
  email: string | null | undefined;
  phone: string | null | undefined;
  /** BCP 47, as it came. */
  locale: string | null | undefined;
  telegram_chat_id: string | null | undefined;
  push_subscriptions: readonly PushSubscription[] | null | undefined;
};

/** The document of a user: the contact, and opt-outs by user. */
export function userKey(tenant: string, id: string): Key {
  return { tenant, kind: "user", id };
}

/**
 * The document of a literal address, phone number or chat: opt-outs by address. Spellings of one
 * address are one key: mail addresses without case, phone numbers as digits.
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

/** Reads the document of `userKey`. Throws on one that functions/contacts did not write. */
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

/** The field that says whether messages are unwanted: of one kind, or of the whole channel. */
export function optOutField(channel: Channel, kind?: string): string {
  return kind === undefined ? `opt_out:${channel}` : `opt_out:${channel}:${kind}`;
}

/**
 * Whether a message of this kind is unwanted on this channel. `documents` are the user's and the
 * address's, as far as there are any: of all that was said about the channel as a whole or about the
 * kind, for the user or for the address, the newest word counts.
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
