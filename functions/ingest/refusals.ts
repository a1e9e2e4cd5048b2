import { type Problem, RETRY_AFTER } from "../../kit/http/problem.ts";
import {
  BrokerUnavailableError,
  PublishRefusedError,
  PublishUnknownError,
  UnroutableError,
} from "../../lib/rabbit/errors.ts";

export const refusals = {
  otherTenant: {
    status: 403,
    code: "forbidden",
    detail: "tenant_id names another tenant than the one of this key",
  },
  invalid: { status: 422, code: "invalid_event", detail: "the event has wrong fields" },
  brokerUnavailable: {
    status: 503,
    code: "broker_unavailable",
    detail: "the broker cannot be reached; nothing was queued",
    retryAfter: RETRY_AFTER,
  },
  queueFull: {
    status: 503,
    code: "queue_full",
    detail: "a queue is full; repeat with this id",
    retryAfter: RETRY_AFTER,
  },
  unconfirmed: {
    status: 503,
    code: "unconfirmed",
    detail: "the broker did not confirm in time; repeat with this id",
    retryAfter: RETRY_AFTER,
  },
  unroutable: {
    status: 503,
    code: "unroutable",
    detail: "no queue takes this type; repeat with this id",
    retryAfter: RETRY_AFTER,
  },
} as const satisfies Record<string, Problem>;

/** The sender's problem for a failed publish. */
export function refusalOf(error: unknown): Problem | undefined {
  if (error instanceof BrokerUnavailableError) return refusals.brokerUnavailable;
  if (error instanceof PublishRefusedError) return refusals.queueFull;
  if (error instanceof PublishUnknownError) return refusals.unconfirmed;
  if (error instanceof UnroutableError) return refusals.unroutable;
  return undefined;
}
