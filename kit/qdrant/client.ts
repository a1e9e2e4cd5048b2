import {
  type QdrantClient,
  QdrantClientResourceExhaustedError,
  QdrantClientTimeoutError,
} from "@qdrant/js-client-rest";
import { unlessAborted } from "../../lib/async/deadline.ts";
import { pauseSince } from "../../lib/async/sleep.ts";
import { OutageError, PermanentError, RetryLaterError } from "../../lib/pipeline/errors.ts";
import { connect, type Server } from "./connect.ts";

/**
 * Sends requests to a Qdrant server. Rejects with OutageError when the server cannot do its work now,
 * RetryLaterError when it names a time, PermanentError when it refuses the data, and other errors
 * unchanged. An aborted signal ends the wait; the server may still execute the request.
 */
export type Qdrant = {
  ask: <T>(signal: AbortSignal, work: (client: QdrantClient) => Promise<T>) => Promise<T>;
};

/** ms. A connection that was idle for longer may be dead, so a new client is opened. */
const IDLE_MS = 10_000;

/** When to retry if Qdrant is busy and names no time. ms */
const BUSY_MS = 5_000;

/** `timeoutMs` is for a whole answer. */
export function openQdrant({
  url,
  apiKey,
  timeoutMs,
  now = Date.now,
}: Server & {
  timeoutMs?: number;
  /** Epoch ms. */
  now?: (() => number) | undefined;
}): Qdrant {
  const open = () => connect({ url, apiKey }, timeoutMs);
  let client = open();
  let requests = 0;
  const pause = pauseSince(now);

  return {
    async ask(signal, work) {
      signal.throwIfAborted();
      if (pause() > IDLE_MS && requests === 0) client = open();
      requests += 1;
      const asked = work(client)
        .catch((error: unknown) => {
          throw classified(error, now());
        })
        .finally(() => {
          requests -= 1;
          pause();
        });
      // The client accepts no signal. A sent request ends within its time-out.
      return unlessAborted(asked, signal);
    },
  };
}

/** The collection does not exist; no event is to blame. */
export class MissingCollectionError extends OutageError {
  override name = "MissingCollectionError";
}

/**
 * The client rejects with TypeError (`fetch failed`) when there is no answer, else with an error that
 * has a `status`.
 */
function classified(error: unknown, now: number): unknown {
  if (error instanceof QdrantClientResourceExhaustedError) {
    // The client keeps only one digit of the server's answer.
    return new RetryLaterError(textOf(429, error), now + error.retry_after * 1_000);
  }
  if (error instanceof TypeError || error instanceof QdrantClientTimeoutError) {
    return new OutageError(`Qdrant does not answer: ${reasonOf(error)}`);
  }
  if (!(error instanceof Error) || !("status" in error)) return error;
  const status = Number(error.status);
  const text = textOf(status, error);
  if (status === 429) return new RetryLaterError(text, now + BUSY_MS);
  if (status === 404) return new MissingCollectionError(text);
  if (status === 401 || status === 403 || status === 408 || status >= 500) {
    return new OutageError(text);
  }
  return REFUSALS.has(status) ? new PermanentError(text) : new Error(text);
}

/** The data is invalid or too large. */
const REFUSALS = new Set([400, 413, 422]);

/** Up to the first quote: the server may quote the data that it refuses, which must not be logged. */
function textOf(status: number, error: Error): string {
  const data = "data" in error ? (error.data as { status?: { error?: unknown } } | undefined) : {};
  const said = data?.status?.error;
  const text = typeof said === "string" ? said : "";
  return `Qdrant answers ${status}: ${text.split(/['"`]/, 1)[0]}`.slice(0, 300);
}

function reasonOf(error: Error): string {
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : error.message;
}
