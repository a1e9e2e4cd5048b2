import { hash } from "node:crypto";
import * as z from "zod";
import { inWords } from "./in-words.ts";
import { canonicalJson, issueAt, MAX_ISSUES, type Issue } from "./json.ts";
import { fixedWidthUtc } from "./timestamp.ts";

// One verb for each step from bytes to event. `parse…` throws, `check…` returns what is wrong:
// parseJson (bytes to document), checkBounds (document), checkEnvelope (document to envelope), and in
// events/catalogue.ts checkEvent (document to event) and parseEvent (all of them).
export { inWords } from "./in-words.ts";
export {
  checkBounds,
  InvalidEventError,
  issueAt,
  MAX_BYTES,
  NotJsonError,
  parseJson,
  type Issue,
} from "./json.ts";

/** The wire contract (docs/architecture.md): what every event carries, whatever it is about. */
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

/** An event read from bytes, with the digest that tells a repeat from an id worn by another event. */
export type Received<E extends Envelope = Envelope> = { event: E; digest: string };

/** A value that was checked, or everything that is wrong with it. */
export type Checked<T> = { value: T; issues?: never } | { value?: never; issues: Issue[] };

/** Also the form of an `Idempotency-Key` header. */
export const eventId = z
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
  // Left as it came, not even copied: the digest covers data as received.
  data: z.custom<Record<string, unknown>>(isObject, "must be an object"),
  // Producers older than the contract's first revision send no metadata: theirs is version 1.0.
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
 * Tells a repeat from an id worn by another event: SHA-256 (base64url) over what the producer said
 * happened, independent of key order, number form and time zone. Trace and correlation fields do
 * not count. Wants `data` as received, before upcasting and defaults.
 */
export function digestOf({ type, tenant_id, source, metadata, timestamp, data }: Envelope): string {
  const said = [type, tenant_id, source, metadata.version, timestamp, data];
  return hash("sha256", canonicalJson(said), "base64url");
}

/** Orders the events of an entity, whatever their arrival: time first, then id. Strings compare. */
export function stampOf({ timestamp, id }: Envelope): string {
  return `${timestamp}#${id}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
