import { canonicalJson } from "../../lib/envelope/envelope.ts";

export type Node = { tenant_id: string; id: string };

/** Properties that change together. `set` also writes the stamp, to the property named `guard`. */
export type Field = { guard: string; stamp: string; set: Record<string, Value> };
type Value = string | bigint | null;

/** Omitted fields stay unchanged; null clears a field. */
type Said<T> = { [Name in keyof T]?: T[Name] | null | undefined };

/** One fact for each group of properties that the event names. */
type Fields = (Node & Field)[];

/*
 * An event's data may have fields that its contract does not name. Nobody has checked them. So each
 * function below reads only fields that the contracts of all its events name.
 */

export function userFields(
  node: Node,
  stamp: string,
  { email, name, phone }: Said<{ email: string; name: string; phone: string }>,
): Fields {
  return said(node, stamp, {
    email_stamp: { email },
    name_stamp: { name },
    phone_stamp: { phone },
  });
}

export function standingFields(
  node: Node,
  stamp: string,
  { segment, tier }: Said<{ segment: string; tier: string }>,
): Fields {
  return said(node, stamp, { segment_stamp: { segment }, tier_stamp: { tier } });
}

export function productFields(
  node: Node,
  stamp: string,
  product: Said<{
    name: string;
    description: string;
    category: string;
    sku: string;
    price_minor: number;
    currency: string;
    attributes: Record<string, unknown>;
  }>,
): Fields {
  const { name, description, category, sku, price_minor, currency, attributes } = product;
  return said(node, stamp, {
    name_stamp: { name },
    description_stamp: { description },
    category_stamp: { category },
    sku_stamp: { sku },
    price_stamp: price_minor == null ? {} : { price_minor: BigInt(price_minor), currency },
    // As text: a node cannot store a map. Names from outside must not become property keys, because
    // Neo4j never deletes a key.
    attributes_stamp: { attributes: attributes && canonicalJson(attributes) },
  });
}

export function stockFields(node: Node, stamp: string, stock: number): Fields {
  return said(node, stamp, { stock_stamp: { stock: BigInt(stock) } });
}

/** The properties that each stamp of a product guards. A deletion clears them. */
export const productGuards: Record<string, readonly string[]> = {
  name_stamp: ["name"],
  description_stamp: ["description"],
  category_stamp: ["category"],
  sku_stamp: ["sku"],
  price_stamp: ["price_minor", "currency"],
  attributes_stamp: ["attributes"],
  stock_stamp: ["stock"],
};

export function paymentFields(
  node: Node,
  stamp: string,
  { amount_minor, currency }: Said<{ amount_minor: number; currency: string }>,
): Fields {
  const amount = amount_minor == null ? {} : { amount_minor: BigInt(amount_minor), currency };
  return said(node, stamp, { amount_stamp: amount });
}

export function ticketFields(
  node: Node,
  stamp: string,
  { title, priority }: Said<{ title: string; priority: string }>,
): Fields {
  return said(node, stamp, { title_stamp: { title }, priority_stamp: { priority } });
}

export function ticketStatusFields(node: Node, stamp: string, status: string | undefined): Fields {
  return said(node, stamp, { status_stamp: { status } });
}

function said(
  node: Node,
  stamp: string,
  groups: Record<string, Record<string, Value | undefined>>,
): Fields {
  return Object.entries(groups).flatMap(([guard, group]) => {
    const set = Object.entries(group).filter(
      (entry): entry is [string, Value] => entry[1] !== undefined,
    );
    if (set.length === 0) return [];
    return [{ ...node, guard, stamp, set: { ...Object.fromEntries(set), [guard]: stamp } }];
  });
}
