import type { ProjectedEvent } from "../../functions/neo4j-projector/accepts.ts";
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

const PAYMENT_STATUSES = ["initiated", "failed", "completed", "refunded"];

/** The properties that change together, by the name of the property that holds their stamp. */
const USER_FIELDS = {
  email_stamp: ["email"],
  name_stamp: ["name"],
  phone_stamp: ["phone"],
  segment_stamp: ["segment"],
  tier_stamp: ["tier"],
};
const PAYMENT_FIELDS = { amount_stamp: ["amount_minor", "currency"] };
const TICKET_FIELDS = {
  title_stamp: ["title"],
  status_stamp: ["status"],
  priority_stamp: ["priority"],
};
const PRODUCT_FIELDS = {
  name_stamp: ["name"],
  description_stamp: ["description"],
  category_stamp: ["category"],
  sku_stamp: ["sku"],
  price_stamp: ["price_minor", "currency"],
  attributes_stamp: ["attributes"],
  stock_stamp: ["stock"],
};

type Node = { name: string; labels: Set<string>; properties: Properties };
type Status = { at: string; rank: number; event: string };

/**
 * The graph that these events must give, in whatever order and however often they were delivered:
 * each taken once, one after the other in the order of time. Written without guards, merging or
 * coalescing, to check the projector against. What the contract derives (minor units, defaults) is
 * taken from the events as parsed.
 */
export function expectedGraph(events: Iterable<ProjectedEvent>): Dump {
  const nodes = new Map<string, Node>();
  const statuses = new Map<Node, Status>();
  /** By what is replaced together. */
  const relationships = new Map<string, DumpedRelationship[]>();

  for (const { event, stamp } of inOrder(events)) take(event, stamp);

  return sortedDump({
    nodes: [...nodes.values()].map(({ labels, properties }) => ({
      labels: [...labels],
      properties,
    })),
    relationships: [...relationships.values()].flat(),
  });

  function take(event: ProjectedEvent, stamp: string): void {
    const { type, tenant_id, timestamp, data } = event;
    const named = (label: string) => (id: string) => node(label, tenant_id, id);
    const [user, product, order] = [named("User"), named("Product"), named("Order")];
    const [payment, ticket, message] = [named("Payment"), named("Ticket"), named("Message")];
    const customer = (id: string) => {
      const one = user(id);
      one.labels.add("Customer");
      return one;
    };
    const watch = (watched: Node, watcher_ids: readonly string[] | undefined) => {
      if (watcher_ids === undefined) return;
      watched.properties["watchers_stamp"] = stamp;
      const watchers = [...new Set(watcher_ids)].map(user);
      replace(
        "watchers",
        watched,
        watchers.map((one) => link(one, "WATCHES", watched)),
      );
    };

    switch (type) {
      case "interaction.viewed":
      case "interaction.added_to_cart":
      case "interaction.removed_from_cart":
      case "interaction.purchased":
      case "interaction.wishlisted": {
        const kind = type.slice("interaction.".length).toUpperCase();
        const did = interaction(kind, user(data.user_id), product(data.product_id));
        did["count"] = Number(did["count"] ?? 0) + 1;
        did["first_at"] ??= timestamp;
        did["last_at"] = timestamp;
        if (data.user_session === undefined) return;
        did["last_session"] = data.user_session;
        did["last_session_stamp"] = stamp;
        return;
      }
      case "order.created": {
        const one = order(data.order_id);
        const { total_minor, currency } = data;
        Object.assign(one.properties, { total_minor, currency, created_stamp: stamp });
        const lines = data.items.map(({ product_id, quantity, price_minor }, i) =>
          link(one, "CONTAINS", product(product_id), { line: i + 1, quantity, price_minor }),
        );
        replace("contents", one, [link(customer(data.customer_id), "PLACED", one), ...lines]);
        return advance(one, event, STATUSES, data.status);
      }
      case "order.confirmed":
      case "order.paid":
      case "order.processing":
      case "order.shipped":
      case "order.delivered":
      case "order.cancelled":
      case "order.refunded":
        return advance(order(data.order_id), event, STATUSES, type.slice("order.".length));
      case "payment.initiated":
      case "payment.failed":
      case "payment.completed":
      case "payment.refund.completed": {
        const one = payment(data.payment_id);
        one.properties["order_stamp"] = stamp;
        replace("order", one, [link(one, "FOR", order(data.order_id))]);
        const isRefund = type === "payment.refund.completed";
        if (!isRefund) revise(one, PAYMENT_FIELDS, data, stamp);
        const status = isRefund ? "refunded" : type.slice("payment.".length);
        return advance(one, event, PAYMENT_STATUSES, status);
      }
      case "product.created":
        return revise(product(data.product_id), PRODUCT_FIELDS, data, stamp);
      case "product.updated":
        return revise(product(data.product_id), PRODUCT_FIELDS, data.changes, stamp);
      case "product.price.changed": {
        const price = { price_minor: data.new_price_minor, currency: data.currency };
        return revise(product(data.product_id), PRODUCT_FIELDS, price, stamp);
      }
      case "product.stock.updated":
      case "product.stock.low":
        return revise(product(data.product_id), PRODUCT_FIELDS, { stock: data.quantity }, stamp);
      case "product.stock.out":
        return revise(product(data.product_id), PRODUCT_FIELDS, { stock: 0 }, stamp);
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
      case "customer.segment.changed":
        return revise(
          customer(data.customer_id),
          USER_FIELDS,
          { segment: data.new_segment },
          stamp,
        );
      case "customer.tier.changed":
        return revise(customer(data.customer_id), USER_FIELDS, { tier: data.new_tier }, stamp);
      case "customer.points.earned":
      case "customer.points.redeemed": {
        const { properties } = customer(data.customer_id);
        const change = type === "customer.points.earned" ? data.points : -data.points;
        properties["points"] = Number(properties["points"] ?? 0) + change;
        return;
      }
      case "user.signup":
        return revise(user(data.user_id), USER_FIELDS, data, stamp);
      case "ticket.created": {
        const one = ticket(data.ticket_id);
        one.properties["opened_stamp"] = stamp;
        replace("owner", one, [link(user(data.owner_id), "OPENED", one)]);
        watch(one, data.watcher_ids);
        return revise(one, TICKET_FIELDS, data, stamp);
      }
      case "ticket.updated":
        watch(ticket(data.ticket_id), data.changes.watcher_ids);
        return revise(ticket(data.ticket_id), TICKET_FIELDS, data.changes, stamp);
      case "ticket.status_changed":
        watch(ticket(data.ticket_id), data.watcher_ids);
        return revise(ticket(data.ticket_id), TICKET_FIELDS, { status: data.new_status }, stamp);
      case "message.sent": {
        const [one, about] = [message(data.message_id), ticket(data.ticket_id)];
        const sentAt = new Date(data.sent_at ?? timestamp).toISOString();
        // Nobody writes down when to the microsecond.
        const sent_at = data.sent_at === undefined ? timestamp : sentAt.replace("Z", "000Z");
        Object.assign(one.properties, { sent_at, sent_stamp: stamp });
        const wrote = link(user(data.author_id), "WROTE", one);
        replace("sent", one, [wrote, link(one, "ON", about)]);
        return watch(about, data.watcher_ids);
      }
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

  function interaction(kind: string, from: Node, to: Node): Properties {
    const key = `${kind} ${from.name} ${to.name}`;
    const [found = link(from, kind, to)] = relationships.get(key) ?? [];
    relationships.set(key, [found]);
    return found.properties;
  }

  function replace(what: string, about: Node, by: DumpedRelationship[]): void {
    relationships.set(`${what} of ${about.name}`, by);
  }

  function advance(
    about: Node,
    { timestamp: at, id, source }: ProjectedEvent,
    ranks: readonly string[],
    status: string,
  ): void {
    const next = { at, rank: ranks.indexOf(status), event: `${id}#${encodeURIComponent(source)}` };
    const last = statuses.get(about);
    if (last !== undefined && !isLater(next, last)) return;
    statuses.set(about, next);
    Object.assign(about.properties, { status, status_stamp: `${at}#${next.rank}#${next.event}` });
  }
}

function link(from: Node, type: string, to: Node, properties: Properties = {}): DumpedRelationship {
  return { type, from: from.name, to: to.name, properties };
}

/** Each once, the oldest first; events of one moment by their ids, then by their sources. */
function inOrder(events: Iterable<ProjectedEvent>): { event: ProjectedEvent; stamp: string }[] {
  const distinct = new Map<string, { event: ProjectedEvent; stamp: string }>();
  for (const event of events) {
    const { tenant_id, timestamp, id, source } = event;
    const stamp = `${timestamp}#${id}#${encodeURIComponent(source)}`;
    distinct.set(`${tenant_id}#${id}#${source}`, { event, stamp });
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
  return a.rank === b.rank ? a.event > b.event : a.rank > b.rank;
}
