import { orderStatuses } from "../../events/orders.ts";
import { stampOf } from "../../lib/envelope.ts";
import { canonicalJson } from "../../lib/json.ts";
import type { ProjectedEvent } from "./consumer.ts";

/**
 * What one event says about the graph. A fact carries the stamp that decides between it and another
 * about the same thing, so facts can be merged in any order: within a group by projection.ts, with
 * what stands in the graph by statements.ts. Whole numbers are bigint, because the driver writes a
 * number as a float.
 */
export type Facts = {
  /** Every node the event touches. A node that nobody has described yet is a stub. */
  users?: Node[];
  orders?: Node[];
  products?: Node[];
  customers?: Node[];
  userFields?: (Node & Field)[];
  productFields?: (Node & Field)[];
  productDeletions?: Deletion[];
  orderStatuses?: Status[];
  orderContents?: Contents[];
  interactions?: Interaction[];
};

export type Node = { tenant_id: string; id: string };

/** Properties that change together. `set` also writes the stamp, to the property named `guard`. */
export type Field = { guard: string; stamp: string; set: Record<string, Value> };
export type Value = string | bigint | null;

export type Deletion = Node & { stamp: string; at: string };

/** Its stamp has the status's rank between time and id: it decides within one moment. */
export type Status = Node & { stamp: string; status: string };

export type Contents = Node & {
  stamp: string;
  user_id: string;
  total_minor: bigint;
  currency: string;
  lines: Line[];
};
/** `line` counts from 1. */
export type Line = { line: bigint; product_id: string; quantity: bigint; price_minor: bigint };

/** `id` is the user's. */
export type Interaction = Node & {
  kind: InteractionKind;
  product_id: string;
  at: string;
  stamp: string;
  session: string | undefined;
};

export const interactionKinds = {
  "interaction.viewed": "VIEWED",
  "interaction.added_to_cart": "ADDED_TO_CART",
  "interaction.removed_from_cart": "REMOVED_FROM_CART",
  "interaction.purchased": "PURCHASED",
  "interaction.wishlisted": "WISHLISTED",
} as const;
export type InteractionKind = (typeof interactionKinds)[keyof typeof interactionKinds];

export function factsOf(event: ProjectedEvent): Facts {
  const { type, tenant_id, timestamp: at, data } = event;
  const stamp = stampOf(event);
  const node = (id: string): Node => ({ tenant_id, id });

  switch (type) {
    case "interaction.viewed":
    case "interaction.added_to_cart":
    case "interaction.removed_from_cart":
    case "interaction.purchased":
    case "interaction.wishlisted": {
      const { user_id, product_id, user_session: session } = data;
      const kind = interactionKinds[type];
      return {
        users: [node(user_id)],
        products: [node(product_id)],
        interactions: [{ ...node(user_id), kind, product_id, at, stamp, session }],
      };
    }
    case "order.created": {
      const { order_id, customer_id, items, total_minor, currency, status } = data;
      const lines = items.map(({ product_id, quantity, price_minor }, i) => ({
        line: BigInt(i + 1),
        product_id,
        quantity: BigInt(quantity),
        price_minor: BigInt(price_minor),
      }));
      const placed = { user_id: customer_id, total_minor: BigInt(total_minor), currency, lines };
      return {
        users: [node(customer_id)],
        customers: [node(customer_id)],
        orders: [node(order_id)],
        products: items.map(({ product_id }) => node(product_id)),
        orderContents: [{ ...node(order_id), stamp, ...placed }],
        orderStatuses: [statusOf(event, order_id, status)],
      };
    }
    case "order.confirmed":
    case "order.paid":
    case "order.shipped":
    case "order.delivered":
    case "order.cancelled": {
      const status = statusOf(event, data.order_id, statusAfter[type]);
      return { orders: [node(data.order_id)], orderStatuses: [status] };
    }
    case "product.created": {
      const products = [node(data.product_id)];
      return { products, productFields: productFields(products, stamp, data) };
    }
    case "product.updated": {
      const products = [node(data.product_id)];
      return { products, productFields: productFields(products, stamp, data.changes) };
    }
    case "product.deleted": {
      const product = node(data.product_id);
      return { products: [product], productDeletions: [{ ...product, stamp, at }] };
    }
    case "customer.created": {
      const users = [node(data.customer_id)];
      return { users, customers: users, userFields: userFields(users, stamp, data) };
    }
    case "customer.updated": {
      const users = [node(data.customer_id)];
      return { users, customers: users, userFields: userFields(users, stamp, data.changes) };
    }
    case "user.signup": {
      const users = [node(data.user_id)];
      return { users, userFields: userFields(users, stamp, data) };
    }
  }
}

const statusAfter = {
  "order.confirmed": "confirmed",
  "order.paid": "paid",
  "order.shipped": "shipped",
  "order.delivered": "delivered",
  "order.cancelled": "cancelled",
} as const;

function statusOf(
  { tenant_id, timestamp, id }: ProjectedEvent,
  order_id: string,
  status: (typeof orderStatuses)[number],
): Status {
  const rank = orderStatuses.indexOf(status);
  return { tenant_id, id: order_id, status, stamp: `${timestamp}#${rank}#${id}` };
}

type Said<T> = { [Name in keyof T]?: T[Name] | null | undefined };

function userFields(
  nodes: Node[],
  stamp: string,
  { email, name, phone }: Said<{ email: string; name: string; phone: string }>,
): (Node & Field)[] {
  return said(nodes, stamp, {
    email_stamp: { email },
    name_stamp: { name },
    phone_stamp: { phone },
  });
}

function productFields(
  nodes: Node[],
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
): (Node & Field)[] {
  const { name, description, category, sku, price_minor, currency, attributes } = product;
  return said(nodes, stamp, {
    name_stamp: { name },
    description_stamp: { description },
    category_stamp: { category },
    sku_stamp: { sku },
    price_stamp: price_minor == null ? {} : { price_minor: BigInt(price_minor), currency },
    // A node has no maps, and names that come from outside must not become property keys: Neo4j
    // never forgets one.
    attributes_stamp: { attributes: attributes && canonicalJson(attributes) },
  });
}

/** What can be cleared by a deletion: the properties behind each guard of a product. */
export const productGuards: Record<string, readonly string[]> = {
  name_stamp: ["name"],
  description_stamp: ["description"],
  category_stamp: ["category"],
  sku_stamp: ["sku"],
  price_stamp: ["price_minor", "currency"],
  attributes_stamp: ["attributes"],
};

/** What an event leaves out it says nothing about; null clears. */
function said(
  nodes: Node[],
  stamp: string,
  groups: Record<string, Record<string, Value | undefined>>,
): (Node & Field)[] {
  return nodes.flatMap((node) =>
    Object.entries(groups).flatMap(([guard, group]) => {
      const set = Object.entries(group).filter(
        (entry): entry is [string, Value] => entry[1] !== undefined,
      );
      if (set.length === 0) return [];
      return [{ ...node, guard, stamp, set: { ...Object.fromEntries(set), [guard]: stamp } }];
    }),
  );
}
