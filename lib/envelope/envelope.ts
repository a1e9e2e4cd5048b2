import { hash } from "node:crypto";
import * as z from "zod";
import { inWords } from "./in-words.ts";

// One verb for each step from bytes to event. `parse…` throws, `check…` returns what is wrong:
// parseJson (bytes to document), checkBounds (document), checkEnvelope (document to envelope), and in
// events/catalogue.ts checkEvent (document to event) and parseEvent (all of them).

/** The fields of every event (docs/post-events.md). */
export type Envelope<Type extends string = string, Data = unknown> = {
  id: string;
  type: Type;
  source: string;
  /** UTC, fixed width (`2026-11-21T10:00:00.500000Z`), so that strings compare. */
  timestamp: string;
  tenant_id: string;
  correlation_id?: string | undefined;
  data: Data;
  metadata: { version: string; user_id?: string | undefined; traceparent?: string | undefined } & {
    [key: string]: unknown;
  };
};

/** An event read from bytes. The digest tells a repeat from another event with the same id. */
export type Received<E extends Envelope = Envelope> = { event: E; digest: string };

/** A checked value, or all its issues. */
export type Checked<T> = { value: T; issues?: never } | { value?: never; issues: Issue[] };

/** `Idempotency-Key` headers have the same form. */
const eventId = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,128}$/, "must be 1 to 128 of the characters A-Z a-z 0-9 . _ : -");

/** No `#`: it separates the parts of the ledger's keys. */
export const tenantId = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, "must be 1 to 64 of the characters A-Z a-z 0-9 . _ -");

const eventType = z
  .string()
  .max(128)
  .regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/, "must look like entity.past_tense");

const timestamp = z.string().transform((text, context) => {
  const fixed = fixedWidthUtc(text);
  if (fixed !== undefined) return fixed;
  context.addIssue("must be an RFC 3339 time from 1970 on, such as 2026-11-21T10:00:00Z");
  return z.NEVER;
});

const label = z.string().min(1).max(256);

const envelope = z.looseObject({
  id: eventId,
  type: eventType,
  source: label,
  timestamp,
  tenant_id: tenantId,
  correlation_id: label.optional(),
  // Unchanged and not copied: the digest covers data as received.
  data: z.custom<Record<string, unknown>>(isObject, "must be an object"),
  // Old producers send no metadata. Their version is 1.0.
  metadata: z
    .looseObject({
      version: z
        .string()
        .regex(/^\d{1,4}\.\d{1,4}$/, "must look like 1.0")
        .default("1.0"),
      user_id: label.optional(),
      traceparent: label.optional(),
    })
    .prefault({}),
});

/**
 * Document to envelope: checks every named field and keeps the others. The timestamp becomes
 * fixed-width UTC and must not be later than `latest` (epoch ms): a stamp from the future would win
 * over every later change.
 */
export function checkEnvelope(
  document: unknown,
  latest: number,
): Checked<Envelope<string, Record<string, unknown>>> {
  const { data: value, error } = envelope.safeParse(document, { error: inWords });
  if (error !== undefined) return { issues: issuesOf(error) };
  if (Date.parse(value.timestamp) > latest) {
    return { issues: [issueAt(["timestamp"], "lies in the future")] };
  }
  return { value };
}

/** A zod error's issues, their paths below `prefix`. */
export function issuesOf(error: z.ZodError, prefix: readonly string[] = []): Issue[] {
  return error.issues
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => issueAt([...prefix, ...path], message));
}

/**
 * Tells a repeat from another event with the same id. SHA-256 (base64url) of what the producer said,
 * independent of key order, number form and time zone, without trace and correlation fields. `data` must
 * be as received, before transforms to the current version and defaults.
 */
export function digestOf({ type, tenant_id, source, metadata, timestamp, data }: Envelope): string {
  const said = [type, tenant_id, source, metadata.version, timestamp, data];
  return hash("sha256", canonicalJson(said), "base64url");
}

/**
 * Orders the events of an entity, whatever their arrival: time first, then id, then source. Strings
 * compare; the source is percent-encoded, so that JavaScript and every store compare it alike.
 */
export function stampOf({ timestamp, id, source }: Envelope): string {
  return `${timestamp}#${id}#${encodeURIComponent(source)}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A problem with one field of a document. `path` is dotted: `data.items.0.price`. */
export type Issue = { path: string; message: string };

/** The bytes are not JSON. The message does not quote them. */
export class NotJsonError extends Error {
  override name = "NotJsonError";
}

/** The document is JSON but not an event. Names every wrong field, and quotes no value. */
export class InvalidEventError extends Error {
  override name = "InvalidEventError";
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[]) {
    const listed = issues.slice(0, 5).map(({ path, message }) => `${path || "event"}: ${message}`);
    const more = issues.length > 5 ? [`and ${issues.length - 5} more`] : [];
    super([...listed, ...more].join("; "));
    this.issues = issues;
  }
}

/** Largest event on the wire, bytes; Lambda's trigger still fits 20 of them into its 6 MB. */
export const MAX_BYTES = 256 * 1024;
/** Nesting of objects and arrays; real payloads stay below 10. */
const MAX_DEPTH = 32;
/** UTF-16 units of one string. */
export const MAX_STRING = 64 * 1024;
/** UTF-16 units of one object key. */
const MAX_KEY = 256;
/** Values in the whole document, so that a small body cannot become a large heap. */
const MAX_VALUES = 10_000;
/** Further issues are not collected. */
const MAX_ISSUES = 50;

// The decoder strips a byte order mark, as RFC 8259 §8.1 allows.
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Bytes to document: strict UTF-8 JSON. If a key is repeated, the last value counts, as for every other
 * reader of the same bytes. Throws NotJsonError, and InvalidEventError for more than MAX_BYTES.
 */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.byteLength > MAX_BYTES) {
    throw new InvalidEventError([issueAt([], `is larger than ${MAX_BYTES} bytes`)]);
  }
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new NotJsonError("the body is not valid UTF-8");
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new NotJsonError("the body is not valid JSON");
  }
}

/**
 * The issues of a document that could not be stored or forwarded unchanged: nesting, sizes, numbers that
 * a double cannot represent, halves of surrogate pairs, `__proto__`. Call it before any other reader.
 */
export function checkBounds(document: unknown): Issue[] {
  const issues: Issue[] = [];
  const path: (string | number)[] = [];
  let values = 0;

  const report = (message: string) => {
    if (issues.length < MAX_ISSUES) issues.push(issueAt(path, message));
  };

  const visit = (value: unknown): void => {
    values += 1;
    if (typeof value === "string") {
      if (value.length > MAX_STRING) report(`is longer than ${MAX_STRING} characters`);
      if (!value.isWellFormed()) report("holds half of a surrogate pair");
    } else if (typeof value === "number") {
      // 1e999 is read as Infinity and 9007199254740993 as its neighbour: both would change silently.
      if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
        report("is a number too large to be exact; send it as a string");
      }
    } else if (typeof value === "object" && value !== null) {
      // Also bounds the recursion of all later readers.
      if (path.length >= MAX_DEPTH) return report(`is nested deeper than ${MAX_DEPTH} levels`);
      if (values > MAX_VALUES) return;
      if (Array.isArray(value)) visitItems(value);
      else visitFields(value as Record<string, unknown>);
    }
  };

  const visitItems = (items: unknown[]): void => {
    for (let i = 0; i < items.length; i += 1) {
      path.push(i);
      visit(items[i]);
      path.pop();
    }
  };

  const visitFields = (fields: Record<string, unknown>): void => {
    for (const key of Object.keys(fields)) {
      path.push(key);
      if (key === "__proto__") report("is a key that cannot be kept");
      if (key.length > MAX_KEY) report(`is a key longer than ${MAX_KEY} characters`);
      if (!key.isWellFormed()) report("is a key that holds half of a surrogate pair");
      visit(fields[key]);
      path.pop();
    }
  };

  visit(document);
  if (values > MAX_VALUES) report(`the document holds more than ${MAX_VALUES} values`);
  return issues;
}

/** An issue with a short path, also if the sender's field names are long. */
export function issueAt(path: readonly PropertyKey[], message: string): Issue {
  const dotted = path.map((key) => shorten(String(key), 64)).join(".");
  return { path: shorten(dotted, 200), message: shorten(message, 200) };
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}

/**
 * One text for one JSON value, whatever the order of its keys and the form of its numbers: the
 * canonicalization of RFC 8785. The value must be within bounds.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;

  const fields = value as Record<string, unknown>;
  let text = "";
  for (const key of Object.keys(fields).toSorted()) {
    text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${canonicalJson(fields[key])}`;
  }
  return `{${text}}`;
}

const RFC_3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** The first instant that needs a five-digit year. */
const YEAR_10000 = Date.UTC(10_000, 0);

/**
 * An RFC 3339 time as fixed-width UTC with microseconds (`2026-11-21T10:00:00.500000Z`), so that
 * strings compare as instants do; finer digits are cut off. `undefined` for everything else: dates
 * that do not exist, leap seconds, and years before 1970 (the zero time of a producer that set none).
 */
export function fixedWidthUtc(text: string): string | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "", sign, offHour, offMinute] = match;

  if (+month! < 1 || +month! > 12 || +day! < 1 || +day! > daysIn(+year!, +month!)) return undefined;
  if (+hour! > 23 || +minute! > 59 || +second! > 59) return undefined;

  // An offset may bring the last hours of 1969 into 1970.
  if (+year! < (sign === undefined ? 1970 : 1969)) return undefined;

  const micros = fraction.padEnd(6, "0").slice(0, 6);
  if (sign === undefined) return `${year}-${month}-${day}T${hour}:${minute}:${second}.${micros}Z`;

  if (+offHour! > 23 || +offMinute! > 59) return undefined;
  const local = Date.UTC(+year!, +month! - 1, +day!, +hour!, +minute!, +second!);
  const offset = (+offHour! * 60 + +offMinute!) * (sign === "-" ? -60_000 : 60_000);
  const utc = local - offset;
  if (utc < 0 || utc >= YEAR_10000) return undefined;
  return `${new Date(utc).toISOString().slice(0, 19)}.${micros}Z`;
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
}

/** Epoch ms as fixed-width UTC. */
export function utcOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000Z`;
}
