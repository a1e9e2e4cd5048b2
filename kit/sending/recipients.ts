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

/** The address of a recipient on a channel, and the language. */
export type Recipient<To> = {
  to: To;
  /** The recipient as the request names it: a user id, or the address itself. */
  name: string;
  locale: string | undefined;
};

/**
 * Why a sender sends nothing although nothing failed: the user opted out; the user has no address on this
 * channel, or no longer; the sender published a request for each of the user's devices.
 */
export type Skipped = "opted out" | "no address" | "gone" | "expanded";

export type Recipients<To> = {
  /**
   * Throws for a user who is not in the directory yet. The request is then retried, and finally
   * dead-lettered with the user's id.
   */
  find: (request: Request, signal: AbortSignal) => Promise<Recipient<To> | Skipped>;
  /** Throws when the directory cannot be read. */
  probe: (signal: AbortSignal) => Promise<void>;
};

/** The request's field for a literal address, and the contact's field for a user's address. */
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

/** The outcome for a user without an address. `address` is null if an event said that there is none. */
export function nowhere(
  { id = "", contact }: { id: string | undefined; contact: Contact },
  address: null | undefined,
): "no address" {
  if (contact.known || address === null) return "no address";
  // A user who signed up with an address only has it as id.
  throw new Error(`nothing is known of user ${id.includes("@") ? "(an address)" : id} yet`);
}

/** Reads a user id that no user has, to test the directory. */
export async function probe(
  directory: Pick<Directory, "read">,
  signal: AbortSignal,
): Promise<void> {
  await directory.read([userKey("-", "-")], signal);
}
