import type { Message } from "amqplib";
import { HEADER } from "../rabbit/headers.ts";
import type { Delivery } from "../pipeline/message.ts";

/**
 * The event that Lambda sends for Amazon MQ for RabbitMQ (AWS: "Using Lambda with Amazon MQ"). The host
 * builds the same. It has no routing key and no delivery tag: everything that a handler needs is in the
 * body, or a number in a header.
 */
export type RabbitMQEvent = {
  eventSource: "aws:rmq";
  eventSourceArn: string;
  /** Keyed `queue::vhost`. */
  rmqMessagesByQueue: Record<string, RabbitMQRecord[]>;
};

type RabbitMQRecord = {
  basicProperties: BasicProperties;
  redelivered: boolean;
  /** Base64. */
  data: string;
};

/** The fields of RabbitMQ's Java client, in its order: AWS serialises its object unchanged. */
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

/** Numbers and booleans are unchanged. A string is `{ bytes }` with signed bytes, a `byte[]` only the array. */
export type HeaderValue =
  | number
  | boolean
  | string
  | null
  | HeaderValue[]
  | { [key: string]: HeaderValue };

/** The messages of one queue, in order. */
export type QueueBatch = { queue: string; vhost: string; deliveries: Delivery[] };

/** Reads an event. Throws on any other input, such as an invocation by hand. */
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

function readRecord({ data, basicProperties, redelivered }: RabbitMQRecord): Delivery {
  const read = deliveryHeaders(basicProperties?.headers);
  // Whatever the broker does not count, it says that it comes again.
  const deliveryCount = Math.max(read.deliveryCount, redelivered ? 1 : 0);
  return { body: Buffer.from(data, "base64"), ...read, deliveryCount };
}

/** Far above any real number of retries or replays. Bounds what a stranger sends, so that sums stay exact. */
const MAX_COUNT = 1_000_000;
/** The largest epoch ms of a Date. */
const MAX_TIME = 8.64e15;

/**
 * Reads Warren's headers. Anybody may publish to a queue, so a value that is not a whole number within
 * bounds counts as absent. A message without the headers is fresh.
 */
export function deliveryHeaders(
  headers: Readonly<Record<string, unknown>> | null | undefined,
): Omit<Delivery, "body"> {
  const read = (name: string, min: number, max: number): number | undefined => {
    const value = headers?.[name];
    return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? (value as number)
      : undefined;
  };
  return {
    attempt: read(HEADER.attempt, 1, MAX_COUNT) ?? 1,
    generation: read(HEADER.generation, 1, MAX_COUNT) ?? 1,
    copy: read(HEADER.copy, 0, Number.MAX_SAFE_INTEGER),
    notBefore: read(HEADER.notBefore, 0, MAX_TIME),
    suspect: read(HEADER.suspect, 1, 1) === 1,
    firstFailedAt: read(HEADER.firstFailedAt, 0, MAX_TIME),
    // Set by quorum queues. RabbitMQ 4.3 raises the first one for a crash and basic.reject, not for
    // basic.nack; its x-acquired-count counts every delivery before this one.
    deliveryCount: Math.max(
      read("x-delivery-count", 0, Number.MAX_SAFE_INTEGER) ?? 0,
      read("x-acquired-count", 0, Number.MAX_SAFE_INTEGER) ?? 0,
    ),
  };
}

/**
 * A message as Lambda's RabbitMQ event has it. AWS feeds the Java client's property object to Gson,
 * which fixes the key order, the nulls, the byte arrays and the date format; `{"bytes":[…]}` is the
 * private field of that client's string type. tests/golden contains the output of these libraries.
 *
 * amqplib loses two things: header strings that are not UTF-8, and the type of single floats (0.1
 * arrives as 0.10000000149011612). Tables keep the order of the wire; the Java client uses a HashMap's.
 */
export function recordOf(
  { content, fields }: Pick<Message, "content" | "fields">,
  basicProperties: BasicProperties,
): RabbitMQRecord {
  const { redelivered } = fields;
  return { basicProperties, redelivered, data: content.toString("base64") };
}

export function propertiesOf({ content, properties }: Message): BasicProperties {
  const { headers, timestamp } = properties;
  return {
    contentType: properties.contentType ?? null,
    contentEncoding: properties.contentEncoding ?? null,
    headers: headers === undefined ? null : tableOf(headers),
    deliveryMode: properties.deliveryMode ?? null,
    priority: properties.priority ?? null,
    correlationId: properties.correlationId ?? null,
    replyTo: properties.replyTo ?? null,
    expiration: properties.expiration ?? null,
    messageId: properties.messageId ?? null,
    timestamp: timestamp === undefined ? null : dateText(timestamp),
    type: properties.type ?? null,
    userId: properties.userId ?? null,
    appId: properties.appId ?? null,
    clusterId: properties.clusterId ?? null,
    bodySize: content.byteLength,
  };
}

/** Size of the record in the event's JSON, in bytes, with the comma before the next one. */
export function recordBytes(basicProperties: BasicProperties): number {
  const base64 = 4 * Math.ceil(basicProperties.bodySize / 3);
  return base64 + Buffer.byteLength(JSON.stringify(basicProperties)) + FRAME_BYTES;
}

/** `{"basicProperties":…,"redelivered":false,"data":"…"},` around the two values. */
const FRAME_BYTES = 51;

function tableOf(table: Record<string, unknown>): NonNullable<BasicProperties["headers"]> {
  const encoded: Record<string, HeaderValue> = {};
  for (const key of Object.keys(table)) encoded[key] = valueOf(table[key]);
  return encoded;
}

function valueOf(value: unknown): HeaderValue {
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "string") return { bytes: signed(Buffer.from(value)) };
  if (typeof value !== "object" || value === null) return null;
  if (Buffer.isBuffer(value)) return signed(value);
  if (Array.isArray(value)) return value.map(valueOf);
  return tagged(value) ?? tableOf(value as Record<string, unknown>);
}

/** AMQP types that JavaScript lacks come from amqplib as `{ "!": type, value }`. */
function tagged(value: object): HeaderValue | undefined {
  const { "!": type, value: inner } = value as { "!"?: unknown; value?: unknown };
  if (type === "timestamp" && typeof inner === "number") return dateText(inner);
  if (type === "decimal" && typeof inner === "object" && inner !== null) {
    const { places, digits } = inner as { places: number; digits: number };
    // amqplib reads decimals as unsigned.
    return (digits | 0) / 10 ** places;
  }
  return undefined;
}

/** Java's bytes are signed. */
function signed(bytes: Buffer): number[] {
  return Array.from(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/**
 * Epoch seconds as `Nov 21, 2026, 1:33:06 AM` in UTC: Java's medium en_US format. Without Intl, which
 * takes several µs for each event. Returns `null` for seconds outside the range of a Date.
 */
function dateText(seconds: number): string | null {
  const date = new Date(seconds * 1_000);
  if (Number.isNaN(date.getTime())) return null;
  const month = MONTHS[date.getUTCMonth()]!;
  const hours = date.getUTCHours();
  const [minute, second] = [date.getUTCMinutes(), date.getUTCSeconds()].map(twoDigits);
  const time = `${hours % 12 || 12}:${minute}:${second} ${hours < 12 ? "AM" : "PM"}`;
  return `${month} ${date.getUTCDate()}, ${date.getUTCFullYear()}, ${time}`;
}

function twoDigits(number: number): string {
  return number < 10 ? `0${number}` : `${number}`;
}
