import type { Channel } from "../../kit/people/contact.ts";

/** Whom a request names: a user, whom the sender looks up, or a literal address. */
export type Recipient =
  | { user_id: string }
  | { address: string }
  | { phone: string }
  | { chat_id: string };

/** The channels for a recipient. A literal address decides its channel. */
export function channelsFor(to: Recipient, forUsers: readonly Channel[]): readonly Channel[] {
  if ("user_id" in to) return forUsers;
  if ("address" in to) return ["email"];
  return "phone" in to ? ["sms"] : ["telegram"];
}

/** `user_id:u1`: tells recipients apart. */
export function recipientText(to: Recipient): string {
  return Object.entries(to)
    .map(([kind, id]) => `${kind}:${id}`)
    .join();
}
