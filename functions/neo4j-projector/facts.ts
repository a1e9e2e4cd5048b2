import { orderStatuses } from "../../events/orders.ts";
import { paymentStatuses } from "../../events/payments.ts";
import { fixedWidthUtc, stampOf } from "../../lib/envelope/envelope.ts";
import type { ProjectedEvent } from "./accepts.ts";
import {
  type Field,
  type Node,
  paymentFields,
  productFields,
  standingFields,
  stockFields,
  ticketFields,
  ticketStatusFields,
  userFields,
} from "./fields.ts";

/**
 * What one event says about the graph. Each fact has a stamp, and the newer stamp wins. So facts can be
 * merged in any order: projection.ts merges those of a group, statements.ts merges them with the graph.
 * Whole numbers are bigint, because the driver writes a number as a float.
 */
export type Facts = {
  /** Every node the event touches. A node without a describing event is a placeholder. */
  users?: Node[];
  orders?: Node[];
  products?: Node[];
  payments?: Node[];
  tickets?: Node[];
  messages?: Node[];
  customers?: Node[];
  userFields?: (Node & Field)[];
  productFields?: (Node & Field)[];
  paymentFields?: (Node & Field)[];
  ticketFields?: (Node & Field)[];
  productDeletions?: Deletion[];
  orderStatuses?: Status[];
  paymentStatuses?: Status[];
  orderContents?: Contents[];
  paymentOrders?: (Newest & { order_id: string })[];
  ticketOwners?: (Newest & { user_id: string })[];
  ticketWatchers?: (Newest & { user_ids: string[] })[];
  messagesSent?: (Newest & { user_id: string; ticket_id: string; sent_at: string })[];
  points?: Points[];
  interactions?: Interaction[];
};

/** The fact with the greatest stamp replaces all others about the same node. */
export type Newest = Node & { stamp: string };

export type Deletion = Newest & { at: string };

/** Its stamp has the status's rank between time and id. The rank decides between equal times. */
type Status = Newest & { status: string };

type Contents = Newest & {
  user_id: string;
  total_minor: bigint;
  currency: string;
  lines: Line[];
};
/** `line` counts from 1. */
type Line = { line: bigint; product_id: string; quantity: bigint; price_minor: bigint };

/** `id` is the user's. Points are added; redeemed points are negative. */
export type Points = Node & { points: bigint };

/** `id` is the user's. */
export type Interaction = Newest & {
  kind: InteractionKind;
  product_id: string;
  at: string;
  session: string | undefined;
};

const interactionKinds = {
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
  const newest = (id: string): Newest => ({ tenant_id, id, stamp });

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
        interactions: [{ ...newest(user_id), kind, product_id, at, session }],
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
        orderContents: [{ ...newest(order_id), ...placed }],
        orderStatuses: [orderStatus(event, order_id, status)],
      };
    }
    case "order.confirmed":
    case "order.paid":
    case "order.processing":
    case "order.shipped":
    case "order.delivered":
    case "order.cancelled":
    case "order.refunded": {
      const status = orderStatus(event, data.order_id, statusAfter[type]);
      return { orders: [node(data.order_id)], orderStatuses: [status] };
    }
    case "payment.initiated":
    case "payment.completed":
    case "payment.failed": {
      const payment = node(data.payment_id);
      return { ...paymentFacts(event), paymentFields: paymentFields(payment, stamp, data) };
    }
    case "payment.refund.completed":
      // Its amount is the refund, not the amount to pay.
      return paymentFacts(event);
    case "product.created": {
      const product = node(data.product_id);
      return { products: [product], productFields: productFields(product, stamp, data) };
    }
    case "product.updated": {
      const product = node(data.product_id);
      return { products: [product], productFields: productFields(product, stamp, data.changes) };
    }
    case "product.price.changed": {
      const product = node(data.product_id);
      const price = { price_minor: data.new_price_minor, currency: data.currency };
      return { products: [product], productFields: productFields(product, stamp, price) };
    }
    case "product.stock.updated":
    case "product.stock.low":
    case "product.stock.out": {
      const product = node(data.product_id);
      const stock = type === "product.stock.out" ? 0 : data.quantity;
      return { products: [product], productFields: stockFields(product, stamp, stock) };
    }
    case "product.deleted": {
      const { product_id } = data;
      return { products: [node(product_id)], productDeletions: [{ ...newest(product_id), at }] };
    }
    case "customer.created": {
      const user = node(data.customer_id);
      return { users: [user], customers: [user], userFields: userFields(user, stamp, data) };
    }
    case "customer.updated": {
      const user = node(data.customer_id);
      return {
        users: [user],
        customers: [user],
        userFields: userFields(user, stamp, data.changes),
      };
    }
    case "customer.segment.changed": {
      const user = node(data.customer_id);
      const segment = standingFields(user, stamp, { segment: data.new_segment });
      return { users: [user], customers: [user], userFields: segment };
    }
    case "customer.tier.changed": {
      const user = node(data.customer_id);
      const tier = standingFields(user, stamp, { tier: data.new_tier });
      return { users: [user], customers: [user], userFields: tier };
    }
    case "customer.points.earned":
    case "customer.points.redeemed": {
      const user = node(data.customer_id);
      const points = BigInt(type === "customer.points.earned" ? data.points : -data.points);
      return { users: [user], customers: [user], points: [{ ...user, points }] };
    }
    case "user.signup": {
      const user = node(data.user_id);
      return { users: [user], userFields: userFields(user, stamp, data) };
    }
    case "ticket.created": {
      const ticket = node(data.ticket_id);
      const { owner_id: user_id, watcher_ids = [] } = data;
      return {
        users: [user_id, ...watcher_ids].map(node),
        tickets: [ticket],
        ticketFields: [
          ...ticketFields(ticket, stamp, data),
          ...ticketStatusFields(ticket, stamp, data.status),
        ],
        ticketOwners: [{ ...newest(data.ticket_id), user_id }],
        ticketWatchers: watchers(newest(data.ticket_id), data),
      };
    }
    case "ticket.updated": {
      const ticket = node(data.ticket_id);
      return {
        users: (data.changes.watcher_ids ?? []).map(node),
        tickets: [ticket],
        ticketFields: ticketFields(ticket, stamp, data.changes),
        ticketWatchers: watchers(newest(data.ticket_id), data.changes),
      };
    }
    case "ticket.status_changed": {
      const ticket = node(data.ticket_id);
      return {
        users: (data.watcher_ids ?? []).map(node),
        tickets: [ticket],
        ticketFields: ticketStatusFields(ticket, stamp, data.new_status),
        ticketWatchers: watchers(newest(data.ticket_id), data),
      };
    }
    case "message.sent": {
      const { message_id, ticket_id, author_id: user_id, watcher_ids = [] } = data;
      const sent_at = (data.sent_at && fixedWidthUtc(data.sent_at)) ?? at;
      return {
        users: [user_id, ...watcher_ids].map(node),
        tickets: [node(ticket_id)],
        messages: [node(message_id)],
        messagesSent: [{ ...newest(message_id), user_id, ticket_id, sent_at }],
        ticketWatchers: watchers(newest(ticket_id), data),
      };
    }
  }
}

const statusAfter = {
  "order.confirmed": "confirmed",
  "order.paid": "paid",
  "order.processing": "processing",
  "order.shipped": "shipped",
  "order.delivered": "delivered",
  "order.cancelled": "cancelled",
  "order.refunded": "refunded",
  "payment.initiated": "initiated",
  "payment.failed": "failed",
  "payment.completed": "completed",
  "payment.refund.completed": "refunded",
} as const;

function orderStatus(
  event: ProjectedEvent,
  order_id: string,
  status: (typeof orderStatuses)[number],
): Status {
  return statusOf(event, order_id, { status, rank: orderStatuses.indexOf(status) });
}

function statusOf(
  event: ProjectedEvent,
  id: string,
  { status, rank }: { status: string; rank: number },
): Status {
  const { tenant_id, timestamp } = event;
  const stamp = `${timestamp}#${rank}${stampOf(event).slice(timestamp.length)}`;
  return { tenant_id, id, status, stamp };
}

function paymentFacts(event: Extract<ProjectedEvent, { type: `payment.${string}` }>): Facts {
  const { tenant_id, type, data } = event;
  const { payment_id: id, order_id } = data;
  const status = statusAfter[type];
  return {
    orders: [{ tenant_id, id: order_id }],
    payments: [{ tenant_id, id }],
    paymentStatuses: [statusOf(event, id, { status, rank: paymentStatuses.indexOf(status) })],
    paymentOrders: [{ tenant_id, id, stamp: stampOf(event), order_id }],
  };
}

/** The named users are the only watchers. */
function watchers(
  ticket: Newest,
  { watcher_ids }: { watcher_ids?: string[] | undefined },
): NonNullable<Facts["ticketWatchers"]> {
  return watcher_ids === undefined ? [] : [{ ...ticket, user_ids: [...new Set(watcher_ids)] }];
}
