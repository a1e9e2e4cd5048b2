import { hash } from "node:crypto";
import { canonicalJson } from "../../lib/envelope/envelope.ts";
import { RetryLaterError } from "../../lib/pipeline/errors.ts";
import type { Content } from "./templates.ts";

/** The other side accepts nothing for this recipient now. Other recipients need not wait. */
export class RecipientBusyError extends RetryLaterError {
  override name = "RecipientBusyError";
}

/** One rendered message to one recipient. */
export type Message<To> = {
  /** Of the request event, the same at every attempt. Together with `tenant` they name the message. */
  id: string;
  source: string;
  tenant: string;
  /** The kind of message, such as `order.confirmed`. */
  kind: string;
  to: To;
  /** The recipient as the request names it: a user id, or the address itself. */
  recipient: string;
  content: Content;
};

/** A message's name for the other side: no message of another tenant or source has it. 32 characters. */
export function nameOf({ tenant, source, id }: Pick<Message<unknown>, "tenant" | "source" | "id">) {
  return hash("sha256", canonicalJson([tenant, source, id]), "base64url").slice(0, 32);
}

/** Sends the messages of a channel. Its errors contain codes, but no recipient and no text. */
export type Transport<To> = {
  /**
   * Resolves once the other side has accepted the message. PermanentError (the message is refused for good),
   * RetryLaterError, NotNowError and OutageError mean that nothing was sent. After UncertainError or any other
   * error, the message may have been sent.
   */
  send: (message: Message<To>, signal: AbortSignal) => Promise<void>;
  /** Throws if the other side is unreachable or refuses access. */
  probe: (signal: AbortSignal) => Promise<void>;
  close: () => Promise<void>;
};
