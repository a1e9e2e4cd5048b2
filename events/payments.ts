import * as z from "zod";
import { contract } from "./contract.ts";
import { entityId } from "./fields.ts";
import { amount, currency, withMinor } from "./money.ts";

/** The statuses of a payment, in this order. A failed payment may still complete. */
export const paymentStatuses = ["initiated", "failed", "completed", "refunded"] as const;

const fields = z.looseObject({
  payment_id: entityId,
  order_id: entityId,
  customer_id: entityId.optional(),
  amount: amount.optional(),
  currency: currency.optional(),
});

/** Parsed data has `amount_minor` if there is an amount. */
const payment = fields.transform(withMinor);

const failed = fields.extend({ error: z.string().max(2_000).optional() }).transform(withMinor);

const terms = {
  version: "1.0",
  key: ({ payment_id }: { payment_id: string }) => payment_id,
};
const sample = {
  payment_id: "pay_7",
  order_id: "order_xyz",
  customer_id: "cust_123",
  amount: "1000.00",
  currency: "UAH",
};

export const payments = [
  contract({
    ...terms,
    type: "payment.initiated",
    meaning: "A payment for an order was begun.",
    data: payment,
    sample,
  }),
  contract({
    ...terms,
    type: "payment.completed",
    meaning: "The money for an order has arrived.",
    data: payment,
    sample,
  }),
  contract({
    ...terms,
    type: "payment.failed",
    meaning: "A payment for an order did not succeed.",
    data: failed,
    sample: { ...sample, error: "insufficient funds" },
  }),
  contract({
    ...terms,
    type: "payment.refund.completed",
    meaning: "Money was paid back; the amount is what was paid back.",
    data: payment,
    sample: { ...sample, amount: "250.00" },
  }),
] as const;
