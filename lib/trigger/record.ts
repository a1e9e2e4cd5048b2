import type { Message } from "amqplib";
import type { BasicProperties, HeaderValue, RabbitMQRecord } from "./event.ts";

/**
 * A message as Lambda's RabbitMQ event has it. AWS feeds the Java client's property object to Gson,
 * which fixes the key order, the nulls, the byte arrays and the date format; `{"bytes":[…]}` is the
 * private field of that client's string type. tests/golden holds what those libraries write.
 *
 * Two things are lost in amqplib before: header strings that are no UTF-8, and that a header was a single
 * float (0.1 arrives as 0.10000000149011612). Tables keep the order of the wire, where the client has a HashMap's.
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

/** Bytes that the record will take in the event's JSON, with the comma to the next. */
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
    // amqplib reads them as unsigned.
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
 * Epoch seconds as `Nov 21, 2026, 1:33:06 AM` in UTC: Java's medium en_US format. By hand, since
 * Intl takes several µs and every event carries one. `null` for what no Date can hold.
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
