/** What Warren's handlers use of Lambda's context; the host makes one for each invocation. */
export type InvocationContext = {
  functionName: string;
  awsRequestId: string;
  /** ms until the runtime ends the process. */
  getRemainingTimeInMillis(): number;
  /**
   * Aborts when the broker redelivers the messages to another consumer, or when the process must stop.
   * Only the host sets it. On Lambda, termination.ts makes a signal for the process.
   */
  signal?: AbortSignal;
};

/**
 * Returns what tells the function's time-out, ms. No context has it, but time-outs are whole seconds and an
 * invocation starts with nearly all of its time: so the remaining time, rounded up, of the longest so far. The first
 * one on Lambda may be shorter, when it repeats an initialisation that failed.
 */
export function timeoutOf(): (context: InvocationContext) => number {
  let seconds = 0;
  return (context) => {
    seconds = Math.max(seconds, Math.ceil(context.getRemainingTimeInMillis() / 1_000));
    return seconds * 1_000;
  };
}

export type Handler<Event> = (event: Event, context: InvocationContext) => Promise<unknown>;

/** Calls a function once; settles as it does. */
export type Invoke<Event> = (event: Event, signal: AbortSignal) => Promise<void>;
