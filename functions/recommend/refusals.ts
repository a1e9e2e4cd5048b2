import { type Problem, problems, RETRY_AFTER } from "../../kit/http/problem.ts";
import { OutageError, PermanentError, RetryLaterError } from "../../lib/pipeline/errors.ts";
import { VectorsUnavailableError } from "./vectors.ts";

export const refusals = {
  refusedText: {
    status: 422,
    code: "refused_text",
    detail: "the embedding model does not take this text",
  },
  vectorsUnavailable: {
    status: 503,
    code: "vectors_unavailable",
    detail: "the vector database cannot answer now",
    retryAfter: RETRY_AFTER,
  },
  embedderUnavailable: {
    status: 503,
    code: "embedder_unavailable",
    detail: "the embedding model cannot answer now",
    retryAfter: RETRY_AFTER,
  },
  tooSlow: {
    status: 503,
    code: "timeout",
    detail: "no answer could be made in time",
    retryAfter: RETRY_AFTER,
  },
} as const satisfies Record<string, Problem>;

/** The caller's problem for an error; undefined for an unexpected error. */
export function refusalOf(error: unknown, now: number): Problem | undefined {
  if (error instanceof VectorsUnavailableError) return refusals.vectorsUnavailable;
  if (error instanceof OutageError) return refusals.embedderUnavailable;
  if (error instanceof RetryLaterError) {
    const seconds = Math.max(1, Math.ceil((error.notBefore - now) / 1_000));
    return { ...refusals.embedderUnavailable, retryAfter: seconds };
  }
  if (error instanceof PermanentError) return refusals.refusedText;
  if (error instanceof DOMException && error.name === "TimeoutError") return refusals.tooSlow;
  return undefined;
}

export function malformed(detail: string): Problem {
  return { ...problems.malformed, detail };
}
