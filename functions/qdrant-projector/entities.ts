import type { Fields, Group, Stamped } from "../../kit/stamped.ts";
import { pointId } from "../../kit/qdrant/names.ts";
import { fingerprintOf, revisionOf } from "./identity.ts";

export type EntityKind = "product" | "ticket" | "message";
export const entityKinds: readonly EntityKind[] = ["product", "ticket", "message"];

/** What an entity's point holds for searching and filtering, and to be joined with later events. */
export type EntityPayload = {
  tenant_id: string;
  presence: Presence;
  /** Of the text that the vector was made of. Without a text the vector is zero. */
  fingerprint: string;
  revision: string;
  /** By group; the group's fields stand in the payload under their own names. */
  stamps: Record<string, string>;
  deleted_stamp?: string;
  /** Of a product, one entry per SKU of which something is known. */
  stock?: Stock[];
  [field: string]: unknown;
};

/** Who searches asks for what is present: it has a name (title, content) that no deletion took. */
type Presence = "present" | "stub" | "deleted";

/** `sku` is empty where a product has but one. */
type Stock = { sku: string; quantity: number; stamp: string };

type Terms = {
  idField: string;
  /** The fields behind each stamp; `stock:<sku>` groups aside. */
  groups: Record<string, readonly string[]>;
  /** Nothing without the field that a person would call it by. */
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

/** The groups whose change changes the vector of a product. */
export const describing: ReadonlySet<string> = new Set([
  "name",
  "description",
  "category",
  "attributes",
]);

const STOCK = "stock:";

/** A group of its own for each SKU: they are sold out one by one. */
export function stockGroup(sku: string | undefined): string {
  return `${STOCK}${sku ?? ""}`;
}

/** The point of what is known, without its vector; `text` is what that is made of. */
export function describe(
  kind: EntityKind,
  { tenant_id, id }: { tenant_id: string; id: string },
  { groups, deleted }: Stamped,
): { id: string; payload: EntityPayload; text: string } {
  const { idField, text: textFrom } = entities[kind];
  const point = pointId(tenant_id, id);
  // Sorted, so that the order of events leaves no trace.
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

/** What a point that `describe` made knows. */
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
