import type { WarrenEvent } from "../../events/catalogue.ts";
import { sortedDump, type Dump, type Properties } from "../shop/graph.ts";

const RANKS = [
  "pending",
  "confirmed",
  "paid",
  "processing",
  "shipped",
  "delivered",
  "cancelled",
  "refunded",
];
const PRODUCT_FIELDS: Record<string, string[]> = {
  name_stamp: ["name"],
  description_stamp: ["description"],
  category_stamp: ["category"],
  sku_stamp: ["sku"],
  price_stamp: ["price_minor", "currency"],
  attributes_stamp: ["attributes"],
};
const USER_FIELDS: Record<string, string[]> = {
  email_stamp: ["email"],
  name_stamp: ["name"],
  phone_stamp: ["phone"],
};

/**
 * The graph that a tenant's events must give: each taken once, in the order of time. Written on its
 * own, without guards or merging, to check the projector against.
 */
export function foldGraph(tenant_id: string, events: readonly WarrenEvent[]): Dump {
  const nodes = new Map<string, { labels: Set<string>; properties: Properties }>();
  const edges = new Map<
    string,
    { type: string; from: string; to: string; properties: Properties }
  >();
  const statuses = new Map<string, [string, number, string]>();

  const node = (label: string, id: string) => {
    const name = `${label} ${tenant_id} ${id}`;
    const fresh = { tenant_id, [`${label.toLowerCase()}_id`]: id };
    const found = nodes.get(name) ?? { labels: new Set([label]), properties: fresh };
    nodes.set(name, found);
    return { name, ...found };
  };
  const write = (
    into: Properties,
    fields: Record<string, string[]>,
    said: Record<string, unknown>,
    stamp: string,
  ) => {
    for (const [guard, names] of Object.entries(fields)) {
      const given = names.filter((name) => said[name] !== undefined);
      for (const name of given) {
        const value = said[name];
        if (value === null) delete into[name];
        else into[name] = name === "attributes" ? sortedJson(value) : (value as string | number);
      }
      if (given.length === 0) continue;
      into[guard] = stamp;
      delete into["deleted_at"];
    }
  };

  const inOrder = [...new Map(events.map((event) => [event.id, event])).values()]
    .map((event) => ({ event, stamp: `${event.timestamp}#${event.id}` }))
    .sort((a, b) => (a.stamp < b.stamp ? -1 : 1));

  for (const { event, stamp } of inOrder) {
    const { type, data, timestamp, id } = event;
    const past = type.slice(type.indexOf(".") + 1);
    switch (type) {
      case "interaction.viewed":
      case "interaction.added_to_cart":
      case "interaction.removed_from_cart":
      case "interaction.purchased":
      case "interaction.wishlisted": {
        const [user, product] = [node("User", data.user_id), node("Product", data.product_id)];
        const kind = past.toUpperCase();
        const edge = edges.get(`${kind} ${user.name} ${product.name}`) ?? {
          type: kind,
          from: user.name,
          to: product.name,
          properties: { count: 0, first_at: timestamp },
        };
        edge.properties["count"] = Number(edge.properties["count"]) + 1;
        edge.properties["last_at"] = timestamp;
        if (data.user_session !== undefined) {
          edge.properties["last_session"] = data.user_session;
          edge.properties["last_session_stamp"] = stamp;
        }
        edges.set(`${kind} ${user.name} ${product.name}`, edge);
        break;
      }
      case "order.created": {
        const [user, order] = [node("User", data.customer_id), node("Order", data.order_id)];
        user.labels.add("Customer");
        const { total_minor, currency } = data;
        Object.assign(order.properties, { total_minor, currency, created_stamp: stamp });
        for (const [key, edge] of edges) {
          const isPlaced = edge.type === "PLACED" && edge.to === order.name;
          if (isPlaced || edge.from === order.name) edges.delete(key);
        }
        edges.set(`PLACED ${order.name}`, {
          type: "PLACED",
          from: user.name,
          to: order.name,
          properties: {},
        });
        data.items.forEach(({ product_id, quantity, price_minor }, i) => {
          const properties = { line: i + 1, quantity, price_minor };
          const to = node("Product", product_id).name;
          edges.set(`${i} ${order.name}`, { type: "CONTAINS", from: order.name, to, properties });
        });
        advance(data.order_id, data.status, timestamp, id);
        // Nodes that only an older version of this order named stay.
        break;
      }
      case "order.confirmed":
      case "order.paid":
      case "order.shipped":
      case "order.delivered":
      case "order.cancelled":
        advance(data.order_id, past, timestamp, id);
        break;
      case "product.created":
        write(node("Product", data.product_id).properties, PRODUCT_FIELDS, data, stamp);
        break;
      case "product.updated":
        write(node("Product", data.product_id).properties, PRODUCT_FIELDS, data.changes, stamp);
        break;
      case "product.deleted": {
        const { properties } = node("Product", data.product_id);
        for (const [guard, names] of Object.entries(PRODUCT_FIELDS)) {
          for (const name of [guard, ...names]) delete properties[name];
        }
        Object.assign(properties, { deleted_at: timestamp, deleted_stamp: stamp });
        break;
      }
      case "customer.created":
      case "customer.updated": {
        const user = node("User", data.customer_id);
        user.labels.add("Customer");
        const said = type === "customer.created" ? data : data.changes;
        write(user.properties, USER_FIELDS, said as Record<string, unknown>, stamp);
        break;
      }
      case "user.signup":
        write(node("User", data.user_id).properties, USER_FIELDS, data, stamp);
        break;
    }
  }

  function advance(order_id: string, status: string, timestamp: string, id: string): void {
    const { name, properties } = node("Order", order_id);
    const next: [string, number, string] = [timestamp, RANKS.indexOf(status), id];
    const before = statuses.get(name);
    if (before !== undefined && !isLater(next, before)) return;
    statuses.set(name, next);
    Object.assign(properties, { status, status_stamp: next.join("#") });
  }

  return sortedDump({
    nodes: [...nodes.values()].map(({ labels, properties }) => ({
      labels: [...labels],
      properties,
    })),
    relationships: [...edges.values()],
  });
}

function isLater(a: [string, number, string], b: [string, number, string]): boolean {
  if (a[0] !== b[0]) return a[0] > b[0];
  return a[1] === b[1] ? a[2] > b[2] : a[1] > b[1];
}

function sortedJson(value: unknown): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(value as object).sort(([a], [b]) => (a < b ? -1 : 1))),
  );
}
