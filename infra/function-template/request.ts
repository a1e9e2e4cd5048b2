import type { Accepted } from "./accepts.ts";
import type { WebhookRequest } from "./webhook.ts";

/**
 * The body for an event. The key has tenant, source and id, because ids are unique only within one source
 * of a tenant. Events arrive in any order: if order matters, the receiver compares their timestamps.
 */
export function requestOf(event: Accepted): WebhookRequest {
  const { tenant_id, source, id } = event;
  return { key: `${tenant_id}:${encodeURIComponent(source)}:${id}`, body: event };
}
