import type { ProjectedEvent } from "../../functions/neo4j-projector/consumer.ts";
import { sortedDump, type Dump, type DumpedRelationship, type Properties } from "./graph.ts";

/** What later wins among changes of one moment. */
const STATUSES = [
  "pending",
  "confirmed",
  "paid",
  "processing",
  "shipped",
  "delivered",
  "cancelled",
  "refunded",
];

/** The properties that change together, by the name of the property that holds their stamp. */
const USER_FIELDS = { email_stamp: ["email"], name_stamp: ["name"], phone_stamp: ["phone"] };
const PRODUCT_FIELDS = {
  name_stamp: ["name"],
  description_stamp: ["description"],
  category_stamp: ["category"],
  sku_stamp: ["sku"],
  price_stamp: ["price_minor", "currency"],
  attributes_stamp: ["attributes"],
};

type Node = { name: string; labels: Set<string>; properties: Properties };
type Order = Node & { status?: Status; placed?: DumpedRelationship; lines: DumpedRelationship[] };
type Status = { at: string; rank: number; id: string };

/**
 * The graph that these events must give, in whatever order and however often they were delivered:
 * each taken once, one after the other in the order of time. Written without guards, merging or
 * coalescing, to check the projector against. What the contract derives (minor units, defaults) is
 * taken from the events as parsed.
 */
export function expectedGraph(events: Iterable<ProjectedEvent>): Dump {
  const nodes = new Map<string, Node>();
  const orders = new Map<string, Order>();
  const interactions = new Map<string, DumpedRelationship>();

  for (const { event, stamp } of inOrder(events)) take(event, stamp);

  const placed = [...orders.values()].flatMap(({ placed: one, lines }) =>
    one ? [one, ...lines] : [],
  );
  return sortedDump({
    nodes: [...nodes.values()].map(({ labels, properties }) => ({
      labels: [...labels],
      properties,
    })),
    relationships: [...interactions.values(), ...placed],
  });

  function take(event: ProjectedEvent, stamp: string): void {
    const { type, tenant_id, timestamp, data } = event;
    const user = (id: string) => node("User", tenant_id, id);
    const product = (id: string) => node("Product", tenant_id, id);
    const customer = (id: string) => {
      const one = user(id);
      one.labels.add("Customer");
      return one;
    };

    switch (type) {
      case "interaction.viewed":
      case "interaction.added_to_cart":
      case "interaction.removed_from_cart":
      case "interaction.purchased":
      case "interaction.wishlisted": {
        const kind = type.slice("interaction.".length).toUpperCase();
        const did = interaction(kind, user(data.user_id).name, product(data.product_id).name);
        did["count"] = Number(did["count"] ?? 0) + 1;
        did["first_at"] ??= timestamp;
        did["last_at"] = timestamp;
        if (data.user_session === undefined) return;
        did["last_session"] = data.user_session;
        did["last_session_stamp"] = stamp;
        return;
      }
      case "order.created": {
        const one = order(tenant_id, data.order_id);
        const { total_minor, currency } = data;
        Object.assign(one.properties, { total_minor, currency, created_stamp: stamp });
        const from = customer(data.customer_id).name;
        one.placed = { type: "PLACED", from, to: one.name, properties: {} };
        one.lines = data.items.map(({ product_id, quantity, price_minor }, i) => ({
          type: "CONTAINS",
          from: one.name,
          to: product(product_id).name,
          properties: { line: i + 1, quantity, price_minor },
        }));
        return advance(event, data.order_id, data.status);
      }
      case "order.confirmed":
      case "order.paid":
      case "order.shipped":
      case "order.delivered":
      case "order.cancelled":
        return advance(event, data.order_id, type.slice("order.".length));
      case "product.created":
        return revise(product(data.product_id), PRODUCT_FIELDS, data, stamp);
      case "product.updated":
        return revise(product(data.product_id), PRODUCT_FIELDS, data.changes, stamp);
      case "product.deleted": {
        const { properties } = product(data.product_id);
        for (const [guard, names] of Object.entries(PRODUCT_FIELDS)) {
          for (const name of [guard, ...names]) delete properties[name];
        }
        Object.assign(properties, { deleted_at: timestamp, deleted_stamp: stamp });
        return;
      }
      case "customer.created":
        return revise(customer(data.customer_id), USER_FIELDS, data, stamp);
      case "customer.updated":
        return revise(customer(data.customer_id), USER_FIELDS, data.changes, stamp);
      case "user.signup":
        return revise(user(data.user_id), USER_FIELDS, data, stamp);
    }
  }

  function node(label: string, tenant_id: string, id: string): Node {
    const name = `${label} ${tenant_id} ${id}`;
    const found = nodes.get(name);
    if (found) return found;
    const properties = { tenant_id, [`${label.toLowerCase()}_id`]: id };
    const made = { name, labels: new Set([label]), properties };
    nodes.set(name, made);
    return made;
  }

  function order(tenant_id: string, id: string): Order {
    const base = node("Order", tenant_id, id);
    const found = orders.get(base.name) ?? { ...base, lines: [] };
    orders.set(base.name, found);
    return found;
  }

  function interaction(type: string, from: string, to: string): Properties {
    const key = `${type} ${from} ${to}`;
    const found = interactions.get(key) ?? { type, from, to, properties: {} };
    interactions.set(key, found);
    return found.properties;
  }

  function advance(
    { tenant_id, timestamp: at, id }: ProjectedEvent,
    order_id: string,
    status: string,
  ) {
    const one = order(tenant_id, order_id);
    const next = { at, rank: STATUSES.indexOf(status), id };
    if (one.status !== undefined && !isLater(next, one.status)) return;
    one.status = next;
    Object.assign(one.properties, { status, status_stamp: `${at}#${next.rank}#${id}` });
  }
}

/** Each once, the oldest first; events of one moment by their ids. */
function inOrder(events: Iterable<ProjectedEvent>): { event: ProjectedEvent; stamp: string }[] {
  const distinct = new Map<string, { event: ProjectedEvent; stamp: string }>();
  for (const event of events) {
    const stamp = `${event.timestamp}#${event.id}`;
    distinct.set(`${event.tenant_id}#${event.id}`, { event, stamp });
  }
  return [...distinct.values()].sort((a, b) => (a.stamp < b.stamp ? -1 : 1));
}

/** What is left out stays, null clears; and a product of which something is known is not deleted. */
function revise(
  { properties }: Node,
  fields: Record<string, readonly string[]>,
  said: Record<string, unknown>,
  stamp: string,
): void {
  for (const [guard, names] of Object.entries(fields)) {
    const given = names.filter((name) => said[name] !== undefined);
    if (given.length === 0) continue;
    for (const name of given) {
      if (said[name] === null) delete properties[name];
      else properties[name] = valueOf(said[name]);
    }
    properties[guard] = stamp;
    delete properties["deleted_at"];
  }
}

/** A node has no maps: attributes are JSON with sorted keys. */
function valueOf(said: unknown): string | number {
  if (typeof said === "string" || typeof said === "number") return said;
  const entries = Object.entries(said as object).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(entries));
}

function isLater(a: Status, b: Status): boolean {
  if (a.at !== b.at) return a.at > b.at;
  return a.rank === b.rank ? a.id > b.id : a.rank > b.rank;
}
