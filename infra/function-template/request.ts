import type { Accepted } from "./accepts.ts";
import type { WebhookRequest } from "./webhook.ts";

/**
 * The body for an event. It has tenant and id, because ids are unique only within a tenant. Events arrive
 * in any order: if order matters, the receiver compares their timestamps.
 */
export function requestOf(event: Accepted): WebhookRequest {
  return { key: `${event.tenant_id}:${event.id}`, body: event };
}
