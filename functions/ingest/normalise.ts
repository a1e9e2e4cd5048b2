import { aliases } from "../../events/aliases.ts";
import { unversionedName } from "../../events/catalogue.ts";
import type { Issue } from "../../lib/envelope/envelope.ts";
import { timeOf } from "./event-id.ts";

type Fields = Record<string, unknown>;

/** What the request says beside its body. */
export type Request = {
  tenant: string;
  /** The `Idempotency-Key` header. */
  key: string | undefined;
  /** A fresh `evt_<uuidv7>`. */
  newId: () => string;
};

/** An envelope to be checked, and how the sender calls its fields. */
export type Normalised = { fields: Fields; issues: Issue[]; asSent: (path: string) => string };

/** Events that name no source came by this door. */
const DEFAULT_SOURCE = "http";

const INTERACTIONS = new Map<unknown, string>([
  ["view", "interaction.viewed"],
  ["cart", "interaction.added_to_cart"],
  ["remove_from_cart", "interaction.removed_from_cart"],
  ["purchase", "interaction.purchased"],
  ["wishlist", "interaction.wishlisted"],
]);

/**
 * Brings what producers send into one form, and fills in what they may leave out. Accepts the
 * envelope and any part of it down to `{ type, data }`; `{ event, payload }`; an interaction
 * `{ user_id, product_id, event_type, user_session }`; a CloudEvent in structured JSON. A type that
 * is another's alias becomes that one.
 */
export function normalise(document: unknown, request: Request): Normalised {
  const body = isFields(document) ? document : {};
  const { fields, asSent } = shapeOf(body);
  const issues: Issue[] = [];
  if (body !== document) issues.push({ path: "", message: "must be a JSON object" });

  fields["type"] = aliases.get(String(fields["type"])) ?? fields["type"];
  fields["tenant_id"] ??= request.tenant;
  fields["source"] ??= DEFAULT_SOURCE;
  if (request.key !== undefined) {
    if (fields["id"] !== undefined && fields["id"] !== request.key) {
      issues.push({ path: "id", message: "differs from the Idempotency-Key header" });
    }
    fields["id"] = request.key;
  }

  fields["id"] ??= request.newId();
  // Our own ids tell their time, so a repeat with the id alone is the same event to the digest.
  fields["timestamp"] ??= timeOf(fields["id"]);
  if (fields["timestamp"] === undefined) {
    const message = "is needed beside an id of your own: a repeat must say the same time";
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
