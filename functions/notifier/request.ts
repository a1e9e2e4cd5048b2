import { v5 as uuidV5 } from "uuid";
import { parseEvent } from "../../events/catalogue.ts";
import { canonicalJson, type Envelope, InvalidEventError } from "../../lib/envelope/envelope.ts";
import { PermanentError } from "../../lib/pipeline/errors.ts";
import { EVENTS_EXCHANGE } from "../../lib/rabbit/names.ts";
import type { RabbitMessage } from "../../lib/rabbit/publisher.ts";
import type { Notice } from "./expansion.ts";
import { recipientText } from "./recipient.ts";

/** A random namespace (UUIDv5) for the ids of requests. */
const NAMESPACE = "0b5b3d0e-5f0c-4f6d-9d0b-2f4b7a0f6c11";

/**
 * The request to send a notice. The same event, notice and recipient always give the same bytes.
 * Otherwise the sender would call the second request a reused id. Throws PermanentError if the request
 * violates its own contract, because the sender would refuse it too.
 */
export function requestOf(event: Envelope, notice: Notice): RabbitMessage {
  const { channel, kind, to, template, data } = notice;
  const { tenant_id, source, timestamp, metadata } = event;
  const name = canonicalJson([tenant_id, source, event.id, channel, kind, recipientText(to)]);
  const request: Envelope = {
    id: uuidV5(name, NAMESPACE),
    type: `${channel}.requested`,
    source: "notifier",
    timestamp,
    tenant_id,
    correlation_id: event.correlation_id ?? event.id,
    data: { kind, to, template, data },
    metadata: {
      version: "1.0",
      causation_id: event.id,
      causation_source: source,
      ...(metadata.traceparent !== undefined && { traceparent: metadata.traceparent }),
    },
  };
  const body = Buffer.from(JSON.stringify(request));
  requireReadable(body, timestamp);
  return {
    exchange: EVENTS_EXCHANGE,
    routingKey: request.type,
    body,
    contentType: "application/json",
    messageId: request.id,
    type: request.type,
    timestamp: Math.floor(Date.parse(timestamp) / 1_000),
  };
}

function requireReadable(body: Uint8Array, timestamp: string): void {
  try {
    parseEvent(body, () => Date.parse(timestamp));
  } catch (error) {
    if (!(error instanceof InvalidEventError)) throw error;
    throw new PermanentError(`its request to send is invalid: ${error.message}`);
  }
}
