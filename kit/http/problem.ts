import { STATUS_CODES } from "node:http";
import type { Context } from "hono";
import type { Issue } from "../../lib/envelope/envelope.ts";

/** An answer that is not 2xx: a problem document (RFC 9457) once `answerProblem` has sent it. */
export type Problem = {
  status: 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 422 | 503;
  /** Short and stable: programs compare it. */
  code: string;
  /** For people. */
  detail: string;
  /** Seconds. */
  retryAfter?: number;
  /** The event that was or may have been published: repeat the request with this id. */
  id?: string;
  issues?: readonly Issue[];
};

/** Seconds. Long enough for a broker's failover, short enough for a sender to keep events in memory. */
export const RETRY_AFTER = 5;

/** The problems of every HTTP function. */
export const problems = {
  malformed: { status: 400, code: "malformed", detail: "the request is malformed" },
  unauthorized: {
    status: 401,
    code: "unauthorized",
    detail: "send a valid key as Authorization: Bearer <key> or X-Api-Key",
  },
  notFound: { status: 404, code: "not_found", detail: "this path does not exist" },
  methodNotAllowed: {
    status: 405,
    code: "method_not_allowed",
    detail: "this path does not allow this method",
  },
  slowBody: { status: 408, code: "timeout", detail: "the body did not arrive in time" },
  tooLarge: { status: 413, code: "too_large", detail: "the body is too large" },
  notJson: {
    status: 415,
    code: "unsupported_media_type",
    detail: "send application/json in UTF-8, not compressed",
  },
  keysUnavailable: {
    status: 503,
    code: "keys_unavailable",
    detail: "the key cannot be checked now; nothing was done",
    retryAfter: RETRY_AFTER,
  },
  unexpected: {
    status: 503,
    code: "unexpected",
    detail: "an unexpected error occurred; repeat the request, with the id if this answer has one",
    retryAfter: RETRY_AFTER,
  },
} as const satisfies Record<string, Problem>;

/** Sends the problem document; the status phrase is its title, as `about:blank` demands. */
export function answerProblem(
  c: Context,
  { status, retryAfter, ...members }: Problem,
  headers: Record<string, string> = {},
): Response {
  const document = { type: "about:blank", title: STATUS_CODES[status], status, ...members };
  return c.body(JSON.stringify(document), status, {
    "content-type": "application/problem+json",
    ...(status === 401 && { "www-authenticate": "Bearer" }),
    ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
    // Otherwise the rest of an unread body would be read as the next request.
    ...((status === 413 || status === 408) && { connection: "close" }),
    ...headers,
  });
}
