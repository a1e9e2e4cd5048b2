import type { Chance } from "../model/random.ts";
import type { Happening } from "./happening.ts";

/** What was ordered, and by whom. */
type Order = {
  order_id: string;
  customer_id: string;
  /** Major units. */
  total: string;
  currency: string;
  /** Loyalty points that it is worth. */
  points: number;
};

/** What becomes of an order: paid, sent and worth points; or cancelled; or paid back in the end. */
export function* fulfilment(order: Order, chance: Chance): Generator<Happening> {
  const { order_id, customer_id, total: amount, currency, points } = order;
  const payment_id = `pay_${order_id}`;
  const payment = { payment_id, order_id, customer_id, amount, currency };
  const steps: (() => Generator<Happening>)[] = [
    () => one("order.confirmed"),
    paid,
    () => one("order.processing"),
    () => one("order.shipped", { tracking: { number: `59${order_id}`, carrier: "np" } }),
    () => one("order.delivered"),
  ];
  for (const step of steps) {
    if (chance.hits(0.05)) return yield* one("order.cancelled", { reason: "changed their mind" });
    yield* step();
  }
  yield { type: "customer.points.earned", data: { customer_id, points, source: order_id } };
  if (chance.hits(0.05)) yield* refunded();

  /** Whose order it is need not be said again, and half of the systems do not. */
  function* one(type: Happening["type"], more: object = {}): Generator<Happening> {
    yield { type, data: { order_id, ...(chance.hits(0.5) && { customer_id }), ...more } };
  }

  function* paid(): Generator<Happening> {
    yield { type: "payment.initiated", data: payment };
    if (chance.hits(0.2)) {
      yield { type: "payment.failed", data: { ...payment, error: "insufficient funds" } };
    }
    yield { type: "payment.completed", data: { payment_id, order_id } };
    yield* one("order.paid", { payment: { payment_id, method: "card", amount, currency } });
  }

  function* refunded(): Generator<Happening> {
    yield { type: "payment.refund.completed", data: payment };
    yield* one("order.refunded", { amount, currency, reason: "came broken" });
  }
}
