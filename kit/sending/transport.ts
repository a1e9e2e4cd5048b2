import { RetryLaterError } from "../../lib/pipeline/errors.ts";
import type { Content } from "./templates.ts";

/** The other side can take nothing for this one recipient now: no reason for the others to wait. */
export class RecipientBusyError extends RetryLaterError {
  override name = "RecipientBusyError";
}

/** One message to one recipient, worded. */
export type Message<To> = {
  /** Of the request, an event: the same at every attempt. */
  id: string;
  tenant: string;
  /** Why it is sent, such as `order.confirmed`. */
  kind: string;
  to: To;
  /** The recipient as the request named it: a user's id, or the address itself. */
  recipient: string;
  content: Content;
};

/** A channel's way out. Its errors name codes, never a recipient or what was said. */
export type Transport<To> = {
  /**
   * Resolves once the other side has taken the message. Throws PermanentError (this message is refused
   * for good), RetryLaterError, NotNowError, OutageError: then nothing was sent. UncertainError, or anything else:
   * it may have been sent.
   */
  send: (message: Message<To>, signal: AbortSignal) => Promise<void>;
  /** Throws unless the other side can be reached and lets us in. */
  probe: (signal: AbortSignal) => Promise<void>;
  close: () => Promise<void>;
};
