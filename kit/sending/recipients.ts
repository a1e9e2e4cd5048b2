import {
  addressKey,
  type Channel,
  type Contact,
  contactOf,
  isOptedOut,
  userKey,
} from "../people/contact.ts";
import type { Directory } from "../people/directory.ts";
import type { Envelope } from "../../lib/envelope/envelope.ts";

/** The data of a request to send (events/requests.ts). */
export type RequestData = {
  /** Why, such as `order.confirmed`; what a recipient may have opted out of. */
  kind: string;
  template: string;
  /** What the template knows as `data`. */
  data: Record<string, unknown>;
  /** A user, by `user_id`, or the address itself. */
  to: Readonly<Record<string, string>>;
};
export type Request = Envelope<string, RequestData>;

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

/** Of a channel on which people have one address each. */
export function addressed({
  directory,
  channel,
  literal,
  addressOf,
}: {
  directory: Pick<Directory, "read">;
  channel: Channel;
  /** What a request calls an address that it names itself. */
  literal: string;
  addressOf: (contact: Contact) => string | null | undefined;
}): Recipients<string> {
  return {
    async find({ tenant_id: tenant, data: { kind, to } }, signal) {
      const user = await readUser(directory, { tenant, to }, signal);
      const address = to[literal] ?? addressOf(user.contact);
      if (typeof address !== "string") return nowhere(user, address);

      const [own] = await directory.read([addressKey(tenant, channel, address)], signal);
      if (isOptedOut([user.document, own], { channel, kind })) return "opted out";
      return { to: address, name: user.id ?? address, locale: user.contact.locale ?? undefined };
    },
    probe: (signal) => probe(directory, signal),
  };
}

export async function readUser(
  directory: Pick<Directory, "read">,
  { tenant, to: { user_id: id } }: { tenant: string; to: RequestData["to"] },
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
