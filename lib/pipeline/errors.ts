/** No number of attempts can make this message succeed. */
export class PermanentError extends Error {
  override name = "PermanentError";
}

/** The id of this event was used before by another event. Its dead letter never writes the ledger. */
export class IdReusedError extends PermanentError {
  override name = "IdReusedError";
}

/**
 * The other side said when to come back (429, Retry-After) and did nothing. Costs no attempt, for as long
 * as RETRY_LATER_FOR; of longer waits than an hour the message waits an hour.
 */
export class RetryLaterError extends Error {
  override name = "RetryLaterError";
  /** Epoch ms before which the message must not be tried again. */
  readonly notBefore: number;

  constructor(message: string, notBefore: number, options?: ErrorOptions) {
    super(message, options);
    this.notBefore = notBefore;
  }
}

/**
 * This message cannot be applied now, for a reason of its own: what it needs has not come yet, or the one
 * place that it must go to is full. Retried after RETRY_DELAYS; however many fail so, it is no outage.
 */
export class NotNowError extends Error {
  override name = "NotNowError";
}

/** The store is down: no message is to blame, nothing is spent, the batch is held. */
export class OutageError extends Error {
  override name = "OutageError";
}

/** A send may or may not have gone out. Only consumers that are not repeatable throw it. */
export class UncertainError extends Error {
  override name = "UncertainError";
}
