import * as z from "zod";
import { contract } from "./contract.ts";
import { entityId, line } from "./fields.ts";
import { amount, currency, exactMinor, roundedMinor } from "./money.ts";

/** The statuses an order passes through, in this order; the last two end it. */
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
  /** Per unit, major units; may be finer than the currency. */
  price: amount,
});

/** Parsed with `total_minor`, and `price_minor` per item (rounded half to even). */
const created = z
  .looseObject({
    order_id: entityId,
    order_number: line.optional(),
    customer_id: entityId,
    items: z.array(item).min(1).max(1_000),
    /** What is paid, major units; need not be the sum of the items (shipping, discounts). */
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

const confirmed = z.looseObject({
  order_id: entityId,
  status: z.literal("confirmed").optional(),
});

const payment = z
  .looseObject({
    payment_id: entityId,
    method: line.optional(),
    amount: amount.optional(),
    currency: currency.optional(),
  })
  .transform((given, context): Omit<typeof given, "amount_minor"> & { amount_minor?: number } => {
    // Ours to derive: what a producer calls so says nothing about money.
    const { amount_minor: _, ...paid } = given;
    if (paid.amount === undefined) return paid;
    if (paid.currency === undefined) {
      context.addIssue({ code: "custom", path: ["currency"], message: "is needed with amount" });
      return paid;
    }
    return { ...paid, amount_minor: exactMinor(paid.amount, paid.currency, ["amount"], context) };
  });

const paid = z.looseObject({ order_id: entityId, payment: payment.optional() });

const shipped = z.looseObject({
  order_id: entityId,
  tracking: z.looseObject({ number: line, carrier: line.optional() }).optional(),
});

const delivered = z.looseObject({ order_id: entityId });

const cancelled = z.looseObject({ order_id: entityId, reason: z.string().max(2_000).optional() });

const terms = { version: "1.0", key: ({ order_id }: { order_id: string }) => order_id };

export const orders = [
  contract({
    ...terms,
    type: "order.created",
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
    data: confirmed,
    sample: { order_id: "order_xyz", status: "confirmed" },
  }),
  contract({
    ...terms,
    type: "order.paid",
    data: paid,
    sample: {
      order_id: "order_xyz",
      payment: { payment_id: "pay_7", method: "card", amount: "1000.00", currency: "UAH" },
    },
  }),
  contract({
    ...terms,
    type: "order.shipped",
    data: shipped,
    sample: { order_id: "order_xyz", tracking: { number: "59000123456789", carrier: "np" } },
  }),
  contract({
    ...terms,
    type: "order.delivered",
    data: delivered,
    sample: { order_id: "order_xyz" },
  }),
  contract({
    ...terms,
    type: "order.cancelled",
    data: cancelled,
    sample: { order_id: "order_xyz", reason: "out of stock" },
  }),
] as const;
