import { deliveryHeaders } from "../rabbit/headers.ts";
import type { Delivery } from "../pipeline/message.ts";

/**
 * What Lambda hands over for Amazon MQ for RabbitMQ, and what the host builds alike (AWS: "Using
 * Lambda with Amazon MQ"). It has no routing key and no delivery tag: what a handler must know is
 * in the body, or a number in a header.
 */
export type RabbitMQEvent = {
  eventSource: "aws:rmq";
  eventSourceArn: string;
  /** Keyed `queue::vhost`. */
  rmqMessagesByQueue: Record<string, RabbitMQRecord[]>;
};

export type RabbitMQRecord = {
  basicProperties: BasicProperties;
  redelivered: boolean;
  /** Base64. */
  data: string;
};

/** The fields of RabbitMQ's Java client, in its order: AWS serialises that object as it is. */
export type BasicProperties = {
  contentType: string | null;
  contentEncoding: string | null;
  headers: Record<string, HeaderValue> | null;
  deliveryMode: number | null;
  priority: number | null;
  correlationId: string | null;
  replyTo: string | null;
  expiration: string | null;
  messageId: string | null;
  /** `Nov 21, 2026, 1:33:06 AM`, UTC. */
  timestamp: string | null;
  type: string | null;
  userId: string | null;
  appId: string | null;
  clusterId: string | null;
  /** Bytes of the body before base64. */
  bodySize: number;
};

/** Numbers and booleans stay; a string is `{ bytes }` with signed bytes, so is `byte[]` without the key. */
export type HeaderValue =
  | number
  | boolean
  | string
  | null
  | HeaderValue[]
  | { [key: string]: HeaderValue };

/** The messages of one queue, in order. */
export type QueueBatch = { queue: string; vhost: string; deliveries: Delivery[] };

/** Reads an event; throws when it is none, as when somebody invokes the function by hand. */
export function readEvent(event: RabbitMQEvent): QueueBatch[] {
  const byQueue: unknown = event?.rmqMessagesByQueue;
  if (typeof byQueue !== "object" || byQueue === null) {
    throw new TypeError("this is no RabbitMQ event: it has no rmqMessagesByQueue");
  }
  return Object.entries(event.rmqMessagesByQueue).map(([key, records]) => {
    const separator = key.indexOf("::");
    if (separator < 1) throw new TypeError(`"${key}" is not of the form queue::vhost`);
    return {
      queue: key.slice(0, separator),
      vhost: key.slice(separator + 2),
      deliveries: records.map(readRecord),
    };
  });
}

function readRecord({ data, basicProperties }: RabbitMQRecord): Delivery {
  return { body: Buffer.from(data, "base64"), ...deliveryHeaders(basicProperties?.headers) };
}
