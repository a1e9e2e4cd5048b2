import type { Issue } from "../../lib/envelope/envelope.ts";
import {
  BrokerUnavailableError,
  PublishRefusedError,
  PublishUnknownError,
  UnroutableError,
} from "../../lib/rabbit/errors.ts";
import { KeysUnavailableError } from "../../kit/http/keys.ts";

/** An answer that is not 2xx. `error` is short and stable, `message` is for people. */
export type Refusal = {
  status: 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 422 | 503;
  error: string;
  message: string;
  /** Seconds. */
  retryAfter?: number;
  /** Of the event that was or may have been published: repeat with it. */
  id?: string;
  issues?: Issue[];
};

/** Long enough for a broker to fail over, short enough for a sender to keep its events in memory. */
const RETRY_AFTER = 5;

export const refusals = {
  malformed: { status: 400, error: "malformed", message: "the body is not valid JSON" },
  unauthorized: {
    status: 401,
    error: "unauthorized",
    message: "send a valid key as Authorization: Bearer <key> or X-Api-Key",
  },
  otherTenant: {
    status: 403,
    error: "forbidden",
    message: "the key belongs to another tenant than tenant_id names",
  },
  notFound: { status: 404, error: "not_found", message: "there is nothing here; POST /events" },
  methodNotAllowed: {
    status: 405,
    error: "method_not_allowed",
    message: "this path does not answer to that method",
  },
  tooSlow: { status: 408, error: "timeout", message: "the body did not arrive in time" },
  tooLarge: { status: 413, error: "too_large", message: "an event may have 262144 bytes" },
  notJsonType: {
    status: 415,
    error: "unsupported_media_type",
    message: "send application/json in UTF-8, not compressed",
  },
  invalid: { status: 422, error: "invalid_event", message: "the event has wrong fields" },
  keysUnavailable: {
    status: 503,
    error: "keys_unavailable",
    message: "the key cannot be checked now; nothing was queued",
    retryAfter: RETRY_AFTER,
  },
  brokerUnavailable: {
    status: 503,
    error: "broker_unavailable",
    message: "the broker cannot be reached; nothing was queued",
    retryAfter: RETRY_AFTER,
  },
  queueFull: {
    status: 503,
    error: "queue_full",
    message: "a queue is full; repeat with this id",
    retryAfter: RETRY_AFTER,
  },
  unconfirmed: {
    status: 503,
    error: "unconfirmed",
    message: "the broker did not confirm in time; repeat with this id",
    retryAfter: RETRY_AFTER,
  },
  unroutable: {
    status: 503,
    error: "unroutable",
    message: "no queue takes this type; repeat with this id",
    retryAfter: RETRY_AFTER,
  },
  unexpected: {
    status: 503,
    error: "unexpected",
    message: "something went wrong here; repeat with the id, if there is one",
    retryAfter: RETRY_AFTER,
  },
} as const satisfies Record<string, Refusal>;

/** What a failure of ours means to the sender. */
export function unavailable(error: unknown): Refusal {
  if (error instanceof KeysUnavailableError) return refusals.keysUnavailable;
  if (error instanceof BrokerUnavailableError) return refusals.brokerUnavailable;
  if (error instanceof PublishRefusedError) return refusals.queueFull;
  if (error instanceof PublishUnknownError) return refusals.unconfirmed;
  if (error instanceof UnroutableError) return refusals.unroutable;
  return refusals.unexpected;
}
