import {
  addressKey,
  type Channel,
  type Contact,
  contactOf,
  isOptedOut,
  userKey,
} from "../people/contact.ts";
import type { Directory } from "../people/directory.ts";
import type { EventOfType } from "../../events/catalogue.ts";

/** A request to send one message (events/requests.ts). */
export type Request = EventOfType<`${Channel}.requested`>;
type To = Readonly<Record<string, string | undefined>>;

/** Where somebody is reached on a channel, and in which language. */
export type Recipient<To> = {
  to: To;
  /** As the request named him: a user's id, or the address itself. */
  name: string;
  locale: string | undefined;
};

/**
 * Why nothing is sent although nothing went wrong: he does not want it; he has no address on this
 * channel, or no longer; it was made into a request for each of his devices.
 */
export type Skipped = "opted out" | "no address" | "gone" | "expanded";

export type Recipients<To> = {
  /**
   * Throws for a user of whom nothing is known yet: the request is tried again, and then kept with
   * the dead letters, which name the user.
   */
  find: (request: Request, signal: AbortSignal) => Promise<Recipient<To> | Skipped>;
  /** Throws when nobody can be looked up. */
  probe: (signal: AbortSignal) => Promise<void>;
};

/** How a request names an address itself, and the contact's field that has it otherwise. */
const ADDRESSES = {
  email: { literal: "address", field: "email" },
  sms: { literal: "phone", field: "phone" },
  telegram: { literal: "chat_id", field: "telegram_chat_id" },
} as const;

/** The recipients of a channel on which people have one address each. */
export function addressed(channel: keyof typeof ADDRESSES) {
  const { literal, field } = ADDRESSES[channel];
  return ({ directory }: { directory: Pick<Directory, "read"> }): Recipients<string> => ({
    async find({ tenant_id: tenant, data: { kind, to: named } }, signal) {
      const to: To = named;
      const user = await readUser(directory, { tenant, to }, signal);
      const address = to[literal] ?? user.contact[field];
      if (typeof address !== "string") return nowhere(user, address);

      const [own] = await directory.read([addressKey(tenant, channel, address)], signal);
      if (isOptedOut([user.document, own], { channel, kind })) return "opted out";
      return { to: address, name: user.id ?? address, locale: user.contact.locale ?? undefined };
    },
    probe: (signal) => probe(directory, signal),
  });
}

export async function readUser(
  directory: Pick<Directory, "read">,
  { tenant, to: { user_id: id } }: { tenant: string; to: To },
  signal: AbortSignal,
) {
  const [document] = id === undefined ? [] : await directory.read([userKey(tenant, id)], signal);
  return { id, document, contact: contactOf(document) };
}

/** Of a user without an address. `address`: null if it was said that there is none. */
export function nowhere(
  { id = "", contact }: { id: string | undefined; contact: Contact },
  address: null | undefined,
): "no address" {
  if (contact.known || address === null) return "no address";
  // Whoever signed up with an address alone is known by it.
  throw new Error(`nothing is known of user ${id.includes("@") ? "(an address)" : id} yet`);
}

/** Whether anybody can be looked up; nobody is called so. */
export async function probe(
  directory: Pick<Directory, "read">,
  signal: AbortSignal,
): Promise<void> {
  await directory.read([userKey("-", "-")], signal);
}
