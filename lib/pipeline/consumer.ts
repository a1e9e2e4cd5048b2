import type { Received } from "../envelope/envelope.ts";

/** What one function does with events. It knows its sink and nothing of brokers, claims or retries. */
export type Consumer = {
  /** Scopes the ledger's rows: two consumers never shadow each other. */
  name: string;
  /**
   * Whether applying an event twice is harmless: the sink carries a proof, or the effect is an
   * upsert. Repeatable messages are applied in groups; all others are claimed and applied alone.
   */
  repeatable: boolean;
  /** How many messages that travel alone may be applied at once. */
  concurrency: number;
  /** What to do when a send may or may not have gone out (not repeatable consumers). */
  whenUncertain: "resend" | "dead-letter";
  /** Reads a body. Whatever it throws makes the message a dead letter. */
  parse(body: Uint8Array): Received;
  /**
   * For consumers that are not repeatable: all that comes before the send and may be done again, such
   * as waiting for its turn. It runs under the claim, which is marked only afterwards, so that a
   * process that ends meanwhile leaves nothing uncertain. Whatever it throws, nothing was sent.
   * `apply` follows only if there is something to send.
   */
  beforeSend?(received: Received, signal: AbortSignal): Promise<"send" | "nothing to send">;
  /**
   * Applies events of distinct (tenant, id) and returns those that failed while the others were
   * applied; throws when none was. Throws PermanentError (refused for good), RetryLaterError, NotNowError,
   * OutageError, UncertainError; anything else is an unknown error and retried.
   */
  apply(events: readonly Received[], signal: AbortSignal): Promise<readonly Failure[]>;
  /** Proves that the sink can be written now, or throws. */
  probe(signal: AbortSignal): Promise<void>;
};

/** One event of a group that was not applied; `received` is the very object handed to `apply`. */
export type Failure = { received: Received; error: unknown };
