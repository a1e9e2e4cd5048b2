import type { Message } from "amqplib";
import type { BasicProperties, HeaderValue, RabbitMQRecord } from "./rabbitmq-event.ts";

/**
 * A message as Lambda's RabbitMQ event has it. AWS feeds the Java client's property object to Gson,
 * which fixes the key order, the nulls, the byte arrays and the date format; `{"bytes":[…]}` is the
 * private field of that client's string type. Header strings that are no UTF-8 are lost before, in amqplib.
 */
export function recordOf({ content, properties, fields }: Message): RabbitMQRecord {
  const { headers } = properties;
  return {
    basicProperties: {
      contentType: properties.contentType ?? null,
      contentEncoding: properties.contentEncoding ?? null,
      headers: headers === undefined ? null : tableOf(headers),
      deliveryMode: properties.deliveryMode ?? null,
      priority: properties.priority ?? null,
      correlationId: properties.correlationId ?? null,
      replyTo: properties.replyTo ?? null,
      expiration: properties.expiration ?? null,
      messageId: properties.messageId ?? null,
      timestamp: properties.timestamp === undefined ? null : dateText(properties.timestamp),
      type: properties.type ?? null,
      userId: properties.userId ?? null,
      appId: properties.appId ?? null,
      clusterId: properties.clusterId ?? null,
      bodySize: content.byteLength,
    },
    redelivered: fields.redelivered,
    data: content.toString("base64"),
  };
}

/** Bytes that a record takes in the event's JSON. */
export function sizeOf({ basicProperties, data }: RabbitMQRecord): number {
  return data.length + Buffer.byteLength(JSON.stringify(basicProperties)) + FRAME_BYTES;
}

/** `{"basicProperties":…,"redelivered":false,"data":"…"},` around the two values. */
const FRAME_BYTES = 51;

function tableOf(table: Record<string, unknown>): NonNullable<BasicProperties["headers"]> {
  const encoded: Record<string, HeaderValue> = {};
  for (const key of Object.keys(table)) encoded[key] = valueOf(table[key]);
  return encoded;
}

function valueOf(value: unknown): HeaderValue {
  switch (typeof value) {
    case "number":
    case "boolean":
      return value;
    case "string":
      return { bytes: signed(Buffer.from(value)) };
    case "object":
      if (value === null) return null;
      if (Buffer.isBuffer(value)) return signed(value);
      if (Array.isArray(value)) return value.map(valueOf);
      return tagged(value) ?? tableOf(value as Record<string, unknown>);
    default:
      return null;
  }
}

/** AMQP types that JavaScript lacks come from amqplib as `{ "!": type, value }`. */
function tagged(value: object): HeaderValue | undefined {
  const { "!": type, value: inner } = value as { "!"?: unknown; value?: unknown };
  if (type === "timestamp") return dateText(inner as number);
  if (type === "decimal") {
    const { places, digits } = inner as { places: number; digits: number };
    return digits / 10 ** places;
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
