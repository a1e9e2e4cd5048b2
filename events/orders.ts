import * as z from "zod";
import { contract } from "./contract.ts";
import { entityId, line } from "./fields.ts";
import { amount, currency, exactMinor, roundedMinor, withMinor } from "./money.ts";

/** The statuses of an order, in this order. The last two are final. */
export const orderStatuses = [
  "pending",
  "confirmed",
  "paid",
  "processing",
  "shipped",
  "delivered",
  "cancelled",
  "refunded",
] as const;

const item = z.looseObject({
  product_id: entityId,
  sku: line.optional(),
  quantity: z.int().positive(),
  /** Price per unit in major units. May have more decimals than the currency. */
  price: amount,
});

/** Parsed data has `total_minor`, and `price_minor` per item (rounded half to even). */
const created = z
  .looseObject({
    order_id: entityId,
    order_number: line.optional(),
    customer_id: entityId,
    items: z.array(item).min(1).max(1_000),
    /** The amount to pay in major units. May differ from the sum of the items (shipping, discounts). */
    total: amount,
    currency,
    status: z.enum(orderStatuses).default("pending"),
  })
  .transform((order, context) => ({
    ...order,
    total_minor: exactMinor(order.total, order.currency, ["total"], context),
    items: order.items.map((each, i) => ({
      ...each,
      price_minor: roundedMinor(each.price, order.currency, ["items", i, "price"], context),
    })),
  }));

/** For an existing order; the customer is optional. */
const order = z.looseObject({ order_id: entityId, customer_id: entityId.optional() });

const confirmed = order.extend({ status: z.literal("confirmed").optional() });

const payment = z
  .looseObject({
    payment_id: entityId,
    method: line.optional(),
    amount: amount.optional(),
    currency: currency.optional(),
  })
  .transform(withMinor);

const paid = order.extend({ payment: payment.optional() });

const shipped = order.extend({
  tracking: z.looseObject({ number: line, carrier: line.optional() }).optional(),
});

const reason = z.string().max(2_000).optional();

const cancelled = order.extend({ reason });

/** Parsed data has `amount_minor`. */
const refunded = order.extend({ amount, currency, reason }).transform((given, context) => ({
  ...given,
  amount_minor: exactMinor(given.amount, given.currency, ["amount"], context),
}));

const terms = { version: "1.0", key: ({ order_id }: { order_id: string }) => order_id };

export const orders = [
  contract({
    ...terms,
    type: "order.created",
    meaning: "Somebody has ordered something: the whole order.",
    data: created,
    sample: {
      order_id: "order_xyz",
      order_number: "ORD-2024-001",
      customer_id: "cust_123",
      items: [{ product_id: "prod_456", sku: "SKU001", quantity: 2, price: 500.0 }],
      total: 1000.0,
      currency: "UAH",
      status: "pending",
    },
  }),
  contract({
    ...terms,
    type: "order.confirmed",
    meaning: "The shop has accepted an order.",
    data: confirmed,
    sample: { order_id: "order_xyz", status: "confirmed" },
  }),
  contract({
    ...terms,
    type: "order.paid",
    meaning: "An order is paid for.",
    data: paid,
    sample: {
      order_id: "order_xyz",
      payment: { payment_id: "pay_7", method: "card", amount: "1000.00", currency: "UAH" },
    },
  }),
  contract({
    ...terms,
    type: "order.processing",
    meaning: "An order is being packed.",
    data: order,
    sample: { order_id: "order_xyz" },
  }),
  contract({
    ...terms,
    type: "order.shipped",
    meaning: "An order has left the shop.",
    data: shipped,
    sample: { order_id: "order_xyz", tracking: { number: "59000123456789", carrier: "np" } },
  }),
  contract({
    ...terms,
    type: "order.delivered",
    meaning: "An order has reached its buyer.",
    data: order,
    sample: { order_id: "order_xyz" },
  }),
  contract({
    ...terms,
    type: "order.cancelled",
    meaning: "An order will not be fulfilled.",
    data: cancelled,
    sample: { order_id: "order_xyz", reason: "out of stock" },
  }),
  contract({
    ...terms,
    type: "order.refunded",
    meaning: "The buyer of an order gets money back.",
    data: refunded,
    sample: { order_id: "order_xyz", amount: "1000.00", currency: "UAH", reason: "came broken" },
  }),
] as const;
