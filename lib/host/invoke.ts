import { randomUUID } from "node:crypto";
import type { InvocationContext } from "../runtime/context.ts";

export type Handler<Event> = (event: Event, context: InvocationContext) => Promise<unknown>;

/** Calls a function once; settles as it does. */
export type Invoke<Event> = (event: Event, signal: AbortSignal) => Promise<void>;

/**
 * Calls a handler as Lambda does: with a context that knows the remaining time. `onTimeout` runs when
 * the time is over and the handler is not; it must end the process, since nothing can stop a handler.
 */
export function invokeWith<Event>({
  handler,
  functionName,
  timeoutMs,
  onTimeout,
}: {
  handler: Handler<Event>;
  functionName: string;
  timeoutMs: number;
  onTimeout: (awsRequestId: string) => void;
}): Invoke<Event> {
  return async (event, signal) => {
    const deadline = performance.now() + timeoutMs;
    const awsRequestId = randomUUID();
    const timer = setTimeout(() => onTimeout(awsRequestId), timeoutMs);
    const getRemainingTimeInMillis = () => Math.max(0, Math.round(deadline - performance.now()));
    try {
      await handler(event, { functionName, awsRequestId, getRemainingTimeInMillis, signal });
    } finally {
      clearTimeout(timer);
    }
  };
}
