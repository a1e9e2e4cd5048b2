import { randomFillSync } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import { aliases } from "../../events/aliases.ts";
import { checkEvent, FUTURE_MS, internalTypes, unversionedName } from "../../events/catalogue.ts";
import { type Problem, problems } from "../../kit/http/problem.ts";
import {
  checkBounds,
  InvalidEventError,
  MAX_BYTES,
  NotJsonError,
  parseJson,
  type Issue,
  utcOf,
} from "../../lib/envelope/envelope.ts";
import type { RabbitMessage } from "../../lib/rabbit/publisher.ts";
import { refusals } from "./refusals.ts";

type Fields = Record<string, unknown>;

/** The properties of a request besides its body. */
type Request = {
  tenant: string;
  /** The `Idempotency-Key` header. */
  key: string | undefined;
  /** A fresh `evt_<uuidv7>`. */
  newId: () => string;
  /** Epoch ms. */
  now: () => number;
};

/** The source of events that name none. */
const DEFAULT_SOURCE = "http";

const INTERACTIONS = new Map<unknown, string>([
  ["view", "interaction.viewed"],
  ["cart", "interaction.added_to_cart"],
  ["remove_from_cart", "interaction.removed_from_cart"],
  ["purchase", "interaction.purchased"],
  ["wishlist", "interaction.wishlisted"],
]);

/** The message to publish for these bytes, or why ingest refuses them. */
export function accept(
  bytes: Uint8Array,
  request: Request,
): (RabbitMessage & { messageId: string; type: string }) | Problem {
  let document: unknown;
  try {
    document = parseJson(bytes);
  } catch (error) {
    if (error instanceof NotJsonError) return { ...problems.malformed, detail: error.message };
    if (error instanceof InvalidEventError) return invalid(error.issues);
    throw error;
  }
  const outOfBounds = checkBounds(document);
  const { fields, issues, asSent } = normalise(document, request);
  const named = fields["tenant_id"];
  if (typeof named === "string" && named !== request.tenant) return refusals.otherTenant;

  const type = fields["type"];
  if (typeof type === "string" && internalTypes.has(type)) {
    const message = `${type} is made by functions of this system only`;
    return invalid([{ path: asSent("type"), message }]);
  }
  const checked = checkEvent(fields, request.now() + FUTURE_MS);
  const wrong = [...issues, ...(checked.issues ?? [])];
  if (outOfBounds.length > 0 || wrong.length > 0 || checked.value === undefined) {
    const asNamed = wrong.map((issue) => ({ ...issue, path: asSent(issue.path) }));
    return invalid([...outOfBounds, ...asNamed]);
  }
  const { envelope } = checked.value;
  const body = Buffer.from(JSON.stringify(envelope));
  // Some numbers become longer when they are written out; consumers have the same limit.
  if (body.byteLength > MAX_BYTES) {
    return { ...problems.tooLarge, detail: `an event may have ${MAX_BYTES} bytes` };
  }
  return {
    exchange: "events",
    routingKey: envelope.type,
    body,
    contentType: "application/json",
    messageId: envelope.id,
    type: envelope.type,
    timestamp: Math.floor(Date.parse(envelope.timestamp) / 1_000),
  };
}

/** One message per field: the first, which knows best. */
function invalid(issues: readonly Issue[]): Problem {
  const first = new Map<string, Issue>();
  for (const issue of issues) if (!first.has(issue.path)) first.set(issue.path, issue);
  return { ...refusals.invalid, issues: [...first.values()] };
}

/** An envelope to be checked, and how the sender calls its fields. */
type Normalised = { fields: Fields; issues: Issue[]; asSent: (path: string) => string };

/**
 * Brings what producers send into one form, and fills in what they may leave out. Accepts the
 * envelope and any part of it down to `{ type, data }`; `{ event, payload }`; an interaction
 * `{ user_id, product_id, event_type, user_session }`; a CloudEvent in structured JSON. A type that
 * is another's alias becomes that one.
 */
function normalise(document: unknown, request: Request): Normalised {
  const body = isFields(document) ? document : {};
  const { fields, asSent } = shapeOf(body);
  const issues: Issue[] = [];
  if (body !== document) issues.push({ path: "", message: "must be a JSON object" });

  fields["type"] = aliases.get(String(fields["type"])) ?? fields["type"];
  fields["tenant_id"] ??= request.tenant;
  fields["source"] ??= DEFAULT_SOURCE;
  const key = request.key?.replace(/^"(.*)"$/, "$1");
  if (key !== undefined) {
    if (fields["id"] !== undefined && fields["id"] !== key) {
      issues.push({ path: "id", message: "differs from the Idempotency-Key header" });
    }
    fields["id"] = key;
  }

  fields["id"] ??= request.newId();
  // Our own ids tell their time, so a repeat with the id alone is the same event to the digest.
  fields["timestamp"] ??= timeOf(fields["id"]);
  if (fields["timestamp"] === undefined) {
    const message = "is required if you send your own id: a repeat must have the same timestamp";
    issues.push({ path: "timestamp", message });
  }
  return { fields, issues, asSent };
}

function shapeOf(body: Fields): { fields: Fields; asSent: (path: string) => string } {
  if ("specversion" in body) return fromCloudEvent(body);
  if ("event_type" in body && !("type" in body)) return fromInteraction(body);
  if ("event" in body && !("type" in body)) return fromEventAndPayload(body);
  return { fields: { ...body }, asSent: (path) => path };
}

/** Whoever sends this names no version: where a type had another form then, it is meant. */
function fromEventAndPayload(body: Fields): { fields: Fields; asSent: (path: string) => string } {
  const { event, payload, ...rest } = body;
  const version = unversionedName(String(event));
  const { metadata = {} } = rest;
  if (version !== undefined && isFields(metadata)) rest["metadata"] = { version, ...metadata };
  return {
    fields: { ...rest, type: event, data: payload },
    asSent: renamed({ type: "event", data: "payload" }),
  };
}

/** Flat: whatever is no field of the envelope is data. */
function fromInteraction(body: Fields): { fields: Fields; asSent: (path: string) => string } {
  const { event_type, id, timestamp, source, tenant_id, correlation_id, metadata, ...data } = body;
  const type = INTERACTIONS.get(event_type) ?? event_type;
  return {
    fields: defined({ id, type, timestamp, source, tenant_id, correlation_id, metadata, data }),
    asSent: (path) => (path === "type" ? "event_type" : path.replace(/^data\./, "")),
  };
}

/** CloudEvents 1.0, structured mode; extension attributes we have no field for are kept in metadata. */
function fromCloudEvent(body: Fields): { fields: Fields; asSent: (path: string) => string } {
  const { specversion: _, datacontenttype: __, id, type, source, time, data, ...rest } = body;
  const { tenantid: tenant_id, correlationid: correlation_id, ...metadata } = rest;
  return {
    fields: defined({
      id,
      type,
      source,
      timestamp: time,
      tenant_id,
      correlation_id,
      data,
      metadata,
    }),
    asSent: renamed({ timestamp: "time", tenant_id: "tenantid", correlation_id: "correlationid" }),
  };
}

function renamed(names: Record<string, string>): (path: string) => string {
  return (path) => {
    const [head = "", ...rest] = path.split(".");
    return [names[head] ?? head, ...rest].join(".");
  };
}

function defined(fields: Fields): Fields {
  const kept: Fields = {};
  for (const name of Object.keys(fields)) if (fields[name] !== undefined) kept[name] = fields[name];
  return kept;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Random bytes for 256 ids at a time: a system call for each would be a twentieth of a request. */
const POOL_BYTES = 4_096;

/**
 * Makes `evt_<uuidv7>` (RFC 9562 §5.7). Ids of one process ascend, also within a millisecond, so that
 * events it stamps with the same time keep their order.
 */
export function eventIds(now: () => number): () => string {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  let msecs = 0;
  let seq = 0;

  return () => {
    if (used === POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const random = pool.subarray(used, (used += 16));
    const time = now();
    seq = time > msecs ? 0 : seq + 1;
    msecs = Math.max(time, msecs);
    return `evt_${uuidv7({ msecs, seq, random })}`;
  };
}

/** The time within such an id as fixed-width UTC; `undefined` for ids of another make. */
export function timeOf(id: unknown): string | undefined {
  const [, high, low] =
    (typeof id === "string" ? /^evt_([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-/.exec(id) : null) ??
    [];
  return high === undefined ? undefined : utcOf(Number.parseInt(`${high}${low}`, 16));
}
