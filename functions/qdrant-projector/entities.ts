import type { Fields, Group, Stamped } from "../../kit/stamped.ts";
import { pointId } from "../../kit/qdrant/names.ts";
import { fingerprintOf, revisionOf } from "./identity.ts";

export type EntityKind = "product" | "ticket" | "message";
export const entityKinds: readonly EntityKind[] = ["product", "ticket", "message"];

/** The payload of an entity's point: to search, to filter, and to merge with later events. */
export type EntityPayload = {
  tenant_id: string;
  presence: Presence;
  /** Of the text that the vector encodes. Without a text the vector is zero. */
  fingerprint: string;
  revision: string;
  /** One stamp per group of fields. The fields themselves are in the payload, by name. */
  stamps: Record<string, string>;
  deleted_stamp?: string;
  /** Products only: one entry for each known SKU. */
  stock?: Stock[];
  [field: string]: unknown;
};

/** A search asks for `present`: the entity has a name (title, content) and is not deleted. */
type Presence = "present" | "stub" | "deleted";

/** `sku` is empty if the product has only one. */
type Stock = { sku: string; quantity: number; stamp: string };

type Terms = {
  idField: string;
  /** The fields of each group, without the groups `stock:<sku>`. */
  groups: Record<string, readonly string[]>;
  /** The text to embed; empty without the field that names the entity. */
  text: (fields: Fields) => string;
};

export const entities: Record<EntityKind, Terms> = {
  product: {
    idField: "product_id",
    groups: {
      name: ["name"],
      description: ["description"],
      category: ["category"],
      sku: ["sku"],
      price: ["price_minor", "currency"],
      attributes: ["attributes"],
    },
    text: ({ name, description, category, attributes }) =>
      textOf(name, [description, category, ...attributeLines(attributes)]),
  },
  ticket: {
    idField: "ticket_id",
    groups: {
      title: ["title"],
      description: ["description"],
      status: ["status"],
      priority: ["priority"],
      owner: ["owner_id"],
      watchers: ["watcher_ids"],
    },
    text: ({ title, description }) => textOf(title, [description]),
  },
  message: {
    idField: "message_id",
    groups: { message: ["ticket_id", "author_id", "content", "sent_at"] },
    text: ({ content }) => textOf(content, []),
  },
};

/** A change of these groups changes the vector of a product. */
export const describing: ReadonlySet<string> = new Set([
  "name",
  "description",
  "category",
  "attributes",
]);

const STOCK = "stock:";

/** Each SKU has its own group, because each has its own stock. */
export function stockGroup(sku: string | undefined): string {
  return `${STOCK}${sku ?? ""}`;
}

/** The point of an entity, without its vector, and the `text` that the vector encodes. */
export function describe(
  kind: EntityKind,
  { tenant_id, id }: { tenant_id: string; id: string },
  { groups, deleted }: Stamped,
): { id: string; payload: EntityPayload; text: string } {
  const { idField, text: textFrom } = entities[kind];
  const point = pointId(tenant_id, id);
  // Sorted, so that any order of events gives the same point.
  const named = Object.entries(groups).sort(([a], [b]) => (a < b ? -1 : 1));
  const stock = named.flatMap(([name, { stamp, set }]) =>
    name.startsWith(STOCK)
      ? [{ sku: name.slice(STOCK.length), quantity: Number(set["quantity"]), stamp }]
      : [],
  );
  const described = named.filter(([name]) => !name.startsWith(STOCK));
  const fields: Fields = Object.assign({}, ...described.map(([, { set }]) => set));
  const text = textFrom(fields);
  const fingerprint = fingerprintOf(point, text);
  const stamps = named.map(([name, { stamp }]) => `${name} ${stamp}`);

  return {
    id: point,
    text,
    payload: {
      tenant_id,
      [idField]: id,
      ...fields,
      ...(stock.length > 0 && { stock }),
      presence: text !== "" ? "present" : deleted === undefined ? "stub" : "deleted",
      fingerprint,
      revision: revisionOf(point, [...stamps, deleted ?? "", fingerprint]),
      stamps: Object.fromEntries(described.map(([name, { stamp }]) => [name, stamp])),
      ...(deleted !== undefined && { deleted_stamp: deleted }),
    },
  };
}

/** Reads the state of an entity from a point that `describe` made. */
export function recall(
  kind: EntityKind,
  payload: EntityPayload,
): { tenant_id: string; id: string; state: Stamped } {
  const { idField, groups } = entities[kind];
  const described = Object.entries(payload.stamps).map(([name, stamp]): [string, Group] => {
    const present = (groups[name] ?? []).filter((field) => payload[field] !== undefined);
    return [name, { stamp, set: Object.fromEntries(present.map((f) => [f, payload[f]])) }];
  });
  const stock = (payload.stock ?? []).map(({ sku, quantity, stamp }): [string, Group] => [
    stockGroup(sku),
    { stamp, set: { quantity } },
  ]);
  const { deleted_stamp: deleted } = payload;
  return {
    tenant_id: payload.tenant_id,
    id: String(payload[idField]),
    state: {
      groups: Object.fromEntries([...described, ...stock]),
      ...(deleted !== undefined && { deleted }),
    },
  };
}

function textOf(name: unknown, more: readonly unknown[]): string {
  if (typeof name !== "string") return "";
  return [name, ...more].filter((part) => typeof part === "string" && part !== "").join("\n");
}

function attributeLines(attributes: unknown): string[] {
  const entries = Object.entries((attributes ?? {}) as Record<string, unknown>);
  return entries.map(([name, value]) => `${name} ${String(value)}`).sort();
}
