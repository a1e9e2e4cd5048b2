import { KeysUnavailableError } from "../../kit/http/keys.ts";
import { OutageError, PermanentError, RetryLaterError } from "../../lib/pipeline/errors.ts";
import { VectorsUnavailableError } from "./vectors.ts";

/** An answer that is not 2xx. `error` is short and stable, `message` is for people. */
export type Refusal = {
  status: 400 | 401 | 404 | 405 | 422 | 503;
  error: string;
  message: string;
  /** Seconds. */
  retryAfter?: number;
};

/** Long enough for a server to come back, short enough for a page to try again. Seconds. */
const RETRY_AFTER = 5;

export const refusals = {
  unauthorized: {
    status: 401,
    error: "unauthorized",
    message: "send a valid key as Authorization: Bearer <key> or X-Api-Key",
  },
  notFound: {
    status: 404,
    error: "not_found",
    message: "there is nothing here; GET /recommendations/{user_id} or /search?q=",
  },
  methodNotAllowed: {
    status: 405,
    error: "method_not_allowed",
    message: "this path does not answer to that method",
  },
  refusedText: {
    status: 422,
    error: "refused_text",
    message: "the embedding model does not take this text",
  },
  keysUnavailable: {
    status: 503,
    error: "keys_unavailable",
    message: "the key cannot be checked now",
    retryAfter: RETRY_AFTER,
  },
  vectorsUnavailable: {
    status: 503,
    error: "vectors_unavailable",
    message: "the vector database cannot answer now",
    retryAfter: RETRY_AFTER,
  },
  embedderUnavailable: {
    status: 503,
    error: "embedder_unavailable",
    message: "the embedding model cannot answer now",
    retryAfter: RETRY_AFTER,
  },
  tooSlow: {
    status: 503,
    error: "timeout",
    message: "no answer could be made in time",
    retryAfter: RETRY_AFTER,
  },
  unexpected: {
    status: 503,
    error: "unexpected",
    message: "something went wrong here",
    retryAfter: RETRY_AFTER,
  },
} as const satisfies Record<string, Refusal>;

/** What a failure means to who asked. */
export function refusalOf(error: unknown, now: number): Refusal {
  if (error instanceof KeysUnavailableError) return refusals.keysUnavailable;
  if (error instanceof VectorsUnavailableError) return refusals.vectorsUnavailable;
  if (error instanceof OutageError) return refusals.embedderUnavailable;
  if (error instanceof RetryLaterError) {
    const seconds = Math.max(1, Math.ceil((error.notBefore - now) / 1_000));
    return { ...refusals.embedderUnavailable, retryAfter: seconds };
  }
  if (error instanceof PermanentError) return refusals.refusedText;
  if (error instanceof DOMException && error.name === "TimeoutError") return refusals.tooSlow;
  return refusals.unexpected;
}

export function malformed(message: string): Refusal {
  return { status: 400, error: "malformed", message };
}
