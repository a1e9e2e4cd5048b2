import type { Accepted } from "./accepts.ts";
import type { WebhookRequest } from "./webhook.ts";

/**
 * What is posted for an event. Ids are unique within a tenant only, hence both. Events come in any
 * order: where order matters, the receiver compares their timestamps.
 */
export function requestOf(event: Accepted): WebhookRequest {
  return { key: `${event.tenant_id}:${event.id}`, body: event };
}
