import type { Received } from "../envelope/envelope.ts";

/** What one function does with events. It knows its sink and nothing of brokers, claims or retries. */
export type Consumer = RepeatableConsumer | OnceConsumer;

/**
 * Applying an event twice is harmless: the sink carries a proof, or the effect is an upsert. Fresh
 * events are applied in groups.
 */
export type RepeatableConsumer = { repeatable: true } & Common;

/** Applying an event twice has two effects. Each event is claimed and applied alone. */
export type OnceConsumer = {
  repeatable: false;
  /** What to do when a send may or may not have gone out. */
  whenUncertain: "resend" | "dead-letter";
  /**
   * Everything before the send that may be done again, such as waiting for a turn. It runs under the
   * claim, which is marked only afterwards, so a process that ends meanwhile leaves nothing uncertain.
   * Whatever it throws, nothing was sent. `apply` follows only if there is something to send.
   */
  beforeSend?(received: Received, signal: AbortSignal): Promise<"send" | "nothing to send">;
  /** Events of one lane are applied one after another, in the order of their delivery. */
  laneOf?(received: Received): string;
} & Common;

type Common = {
  /** Scopes the ledger's rows: two consumers never shadow each other. */
  name: string;
  /** How many messages that travel alone may be applied at once. */
  concurrency: number;
  /** Reads a body. Whatever it throws makes the message a dead letter. */
  parse(body: Uint8Array): Received;
  /**
   * Applies events of distinct (tenant, source, id) and returns those that failed while the others were
   * applied; throws when none was applied. Throws PermanentError (refused for good), RetryLaterError,
   * NotNowError, OutageError, UncertainError; anything else is an unknown error and retried.
   */
  apply(events: readonly Received[], signal: AbortSignal): Promise<readonly Failure[]>;
  /** Proves that the sink can be written now, or throws. */
  probe(signal: AbortSignal): Promise<void>;
};

/** One event of a group that was not applied; `received` is the very object handed to `apply`. */
export type Failure = { received: Received; error: unknown };
