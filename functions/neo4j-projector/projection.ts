import { newer } from "../../kit/stamped.ts";
import type { ProjectedEvent } from "./accepts.ts";
import {
  factsOf,
  type Deletion,
  type Facts,
  type Interaction,
  type InteractionKind,
  type Newest,
  type Points,
} from "./facts.ts";
import { type Field, type Node, productGuards } from "./fields.ts";

/** Kinds of facts of which a node has only one. */
type NewestKind =
  | "orderStatuses"
  | "orderContents"
  | "paymentStatuses"
  | "paymentOrders"
  | "ticketOwners"
  | "ticketWatchers"
  | "messagesSent";

/**
 * What a group of events says about the graph: one list for each statement of statements.ts.
 * Merged, so that nothing is written twice. Sorted, so that all transactions lock nodes in one order.
 */
export type Rows = {
  users: Node[];
  orders: Node[];
  products: Node[];
  payments: Node[];
  tickets: Node[];
  messages: Node[];
  customers: Node[];
  userFields: FieldsRow[];
  productDeletions: DeletionRow[];
  productFields: FieldsRow[];
  paymentFields: FieldsRow[];
  ticketFields: FieldsRow[];
  points: Points[];
} & { [Kind in NewestKind]: NonNullable<Facts[Kind]> } & Record<InteractionKind, InteractionsRow[]>;

type FieldsRow = Node & { fields: Field[] };

/** `cleared`: the properties to remove if their stamp is older than the deletion. */
type DeletionRow = Deletion & { cleared: { guard: string; set: Record<string, null> }[] };

/** What one user did, one entry per product. */
type InteractionsRow = Node & { products: Interacted[] };
type Interacted = {
  product_id: string;
  count: bigint;
  first_at: string;
  last_at: string;
  /** The session of the newest event that named one, and the event's stamp. */
  session: string | null;
  session_stamp: string | null;
};

/** Pure. It counts interactions, so the events must have distinct (tenant, source, id). */
export function project(events: readonly ProjectedEvent[]): Rows {
  const facts = events.map(factsOf);
  const all = <Name extends keyof Facts>(name: Name) =>
    facts.flatMap((each) => each[name] ?? []) as NonNullable<Facts[Name]>;
  const interactions = Map.groupBy(all("interactions"), ({ kind }) => kind);
  const did = (kind: InteractionKind) => coalesced(interactions.get(kind) ?? []);

  return {
    users: distinct(all("users")),
    orders: distinct(all("orders")),
    products: distinct(all("products")),
    payments: distinct(all("payments")),
    tickets: distinct(all("tickets")),
    messages: distinct(all("messages")),
    customers: distinct(all("customers")),
    userFields: newestFields(all("userFields")),
    productDeletions: newest(all("productDeletions")).map((each) => ({ ...each, cleared })),
    productFields: newestFields(all("productFields")),
    paymentFields: newestFields(all("paymentFields")),
    ticketFields: newestFields(all("ticketFields")),
    orderStatuses: newest(all("orderStatuses")),
    orderContents: newest(all("orderContents")),
    paymentStatuses: newest(all("paymentStatuses")),
    paymentOrders: newest(all("paymentOrders")),
    ticketOwners: newest(all("ticketOwners")),
    ticketWatchers: newest(all("ticketWatchers")),
    messagesSent: newest(all("messagesSent")),
    points: summed(all("points")),
    VIEWED: did("VIEWED"),
    ADDED_TO_CART: did("ADDED_TO_CART"),
    REMOVED_FROM_CART: did("REMOVED_FROM_CART"),
    PURCHASED: did("PURCHASED"),
    WISHLISTED: did("WISHLISTED"),
  };
}

const cleared = Object.entries(productGuards).map(([guard, names]) => ({
  guard,
  set: Object.fromEntries([...names, guard].map((name) => [name, null])),
}));

function distinct(nodes: readonly Node[]): Node[] {
  return perNode(nodes).map(([first]) => first);
}

function newest<T extends Newest>(facts: readonly T[]): T[] {
  return perNode(facts).map((about) => about.reduce((a, b) => newer(a, b)));
}

function summed(facts: readonly Points[]): Points[] {
  return perNode(facts).map((about) => {
    const [{ tenant_id, id }] = about;
    return { tenant_id, id, points: about.reduce((sum, { points }) => sum + points, 0n) };
  });
}

function newestFields(facts: readonly (Node & Field)[]): FieldsRow[] {
  return perNode(facts).map((about) => {
    const [{ tenant_id, id }] = about;
    const byGuard = Map.groupBy(about, ({ guard }) => guard).values();
    const fields = [...byGuard].map((changes) => {
      const { guard, stamp, set } = changes.reduce((a, b) => newer(a, b));
      return { guard, stamp, set };
    });
    return { tenant_id, id, fields };
  });
}

function coalesced(interactions: readonly Interaction[]): InteractionsRow[] {
  return perNode(interactions).map((ofUser) => {
    const [{ tenant_id, id }] = ofUser;
    const byProduct = new Map<string, Interacted>();
    for (const { product_id, at, stamp, session = null } of ofUser) {
      const session_stamp = session === null ? null : stamp;
      const pair = byProduct.get(product_id);
      if (pair === undefined) {
        const first = { product_id, count: 1n, first_at: at, last_at: at, session, session_stamp };
        byProduct.set(product_id, first);
        continue;
      }
      pair.count += 1n;
      if (at < pair.first_at) pair.first_at = at;
      if (at > pair.last_at) pair.last_at = at;
      if (session_stamp !== null && session_stamp > (pair.session_stamp ?? "")) {
        Object.assign(pair, { session, session_stamp });
      }
    }
    return { tenant_id, id, products: [...byProduct.values()] };
  });
}

/** Grouped by node, in the order in which nodes are locked. A tenant has no `#`. */
function perNode<T extends Node>(facts: readonly T[]): [T, ...T[]][] {
  const groups = Map.groupBy(facts, ({ tenant_id, id }) => `${tenant_id}#${id}`);
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group as [T, ...T[]]);
}
