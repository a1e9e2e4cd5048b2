/** What Warren's handlers use of Lambda's context; the host makes one for each invocation. */
export type InvocationContext = {
  functionName: string;
  awsRequestId: string;
  /** ms until the runtime ends the process. */
  getRemainingTimeInMillis(): number;
  /**
   * Aborts when the messages are lost to another consumer or the process must stop. Only the host
   * has one: on Lambda it is the process's own (termination.ts).
   */
  signal?: AbortSignal;
};

export type Handler<Event> = (event: Event, context: InvocationContext) => Promise<unknown>;

/** Calls a function once; settles as it does. */
export type Invoke<Event> = (event: Event, signal: AbortSignal) => Promise<void>;
