import type { Chance } from "../model/random.ts";
import { openAssortment, type Currency } from "./assortment.ts";
import { fulfilment } from "./fulfilment.ts";
import type { Happening } from "./happening.ts";
import { AGENTS, type Contact } from "./people.ts";
import { support } from "./support.ts";
import { zipf } from "./zipf.ts";

/** How many visits, open orders and tickets there are at a time. */
const ACTIVITIES = 30;

/**
 * One tenant's shop: visitors come, look, buy and go; orders are fulfilled; some are complained of; the
 * assortment changes. Each call says what happens next. Few users and products have most of the
 * traffic. Whoever may be written to has said before how.
 */
export function openShop({
  chance,
  contactOf,
  currency,
  users,
  products,
}: {
  chance: Chance;
  contactOf: (id: string) => Contact;
  currency: Currency;
  users: number;
  products: number;
}): () => Happening {
  const anyUser = zipf({ count: users, exponent: 0.8, chance });
  const anyProduct = zipf({ count: products, exponent: 1, chance });
  const assortment = openAssortment({ chance, currency, products, anyProduct });
  const { productId, unitPrice, priceOf, decimal } = assortment;
  const known = new Set<string>();
  /** And their points. */
  const customers = new Map<string, number>();
  let visits = 0;
  let orders = 0;
  let tickets = 0;
  /** The assortment never ends and stays first. */
  const activities: Generator<Happening>[] = [assortment.news()];

  return () => {
    for (;;) {
      if (activities.length < ACTIVITIES) activities.push(visit());
      const index = chance.hits(0.1) ? 0 : chance.int(0, activities.length - 1);
      const { value, done } = activities[index]!.next();
      if (!done) return value;
      activities.splice(index, 1);
    }
  };

  function* visit(): Generator<Happening> {
    const user_id = `user_${anyUser()}`;
    const session = `s_${(visits += 1)}`;
    const cart = new Map<number, number>();

    if (!known.has(user_id)) {
      known.add(user_id);
      if (chance.hits(0.5)) yield signup(user_id);
    }
    for (let looks = chance.int(1, 8); looks > 0; looks -= 1) {
      const product = anyProduct();
      yield interaction("interaction.viewed", product);
      if (chance.hits(0.1)) yield interaction("interaction.wishlisted", product);
      if (chance.hits(0.3)) {
        yield interaction("interaction.added_to_cart", product);
        cart.set(product, (cart.get(product) ?? 0) + chance.int(1, 3));
      }
      if (cart.size > 0 && chance.hits(0.1)) {
        const unwanted = chance.pick([...cart.keys()]);
        yield interaction("interaction.removed_from_cart", unwanted);
        cart.delete(unwanted);
      }
    }
    if (cart.size > 0 && chance.hits(0.6)) {
      yield* checkout(user_id, cart, session);
      for (const product of cart.keys()) yield interaction("interaction.purchased", product);
    }
    if (customers.has(user_id)) yield* cared(user_id);

    function interaction(type: Happening["type"], product: number): Happening {
      // Some clients know no session.
      const named = chance.hits(0.9) && { user_session: session };
      return { type, data: { user_id, product_id: productId(product), ...named }, session };
    }
  }

  function* checkout(
    customer_id: string,
    cart: ReadonlyMap<number, number>,
    session: string,
  ): Generator<Happening> {
    if (!customers.has(customer_id)) {
      customers.set(customer_id, 0);
      const data = { customer_id, ...contactOf(customer_id) };
      yield { type: "customer.created", data, session };
    }
    const order_id = `order_${(orders += 1)}`;
    const items = [...cart].map(([product, quantity]) => ({
      product_id: productId(product),
      quantity,
      price: unitPrice(product),
    }));
    // What is paid is not the sum of the items: delivery, discounts.
    const paid = [...cart].reduce((sum, [product, many]) => sum + priceOf(product) * many, 500);
    const total = decimal(paid);
    const data = { order_id, customer_id, items, total, currency: currency.code };
    yield { type: "order.created", data, session };
    for (const [product, quantity] of cart) {
      if (chance.hits(0.3)) yield* assortment.take(product, quantity);
    }
    const points = 1 + Math.floor(paid / 1_000);
    customers.set(customer_id, (customers.get(customer_id) ?? 0) + points);
    const order = { order_id, customer_id, total, currency: currency.code, points };
    activities.push(fulfilment(order, chance));
    if (chance.hits(0.1)) activities.push(ticket(customer_id));
  }

  function* ticket(owner_id: string): Generator<Happening> {
    for (const agent of AGENTS.filter((one) => !known.has(one))) {
      known.add(agent);
      yield { type: "user.signup", data: { user_id: agent, ...contactOf(agent) } };
    }
    const ticket_id = `ticket_${(tickets += 1)}`;
    yield* support({ ticket_id, owner_id }, chance);
    if (chance.hits(0.1))
      yield { type: "search.reindex", data: { entity: "ticket", id: ticket_id } };
  }

  /** What a shop does with its customers. Their addresses stay: or nobody could say who gets what. */
  function* cared(customer_id: string): Generator<Happening> {
    if (chance.hits(0.1)) {
      const name = chance.hits(0.3) ? null : `Renamed ${chance.int(1, 99)}`;
      yield { type: "customer.updated", data: { customer_id, changes: { name } } };
    }
    if (chance.hits(0.1)) {
      const new_segment = chance.pick(["new", "regular", "lost"]);
      yield { type: "customer.segment.changed", data: { customer_id, new_segment } };
    }
    if (chance.hits(0.05)) {
      const [old_tier, new_tier] = chance.pick([
        ["silver", "gold"],
        ["gold", "silver"],
      ] as const);
      yield { type: "customer.tier.changed", data: { customer_id, old_tier, new_tier } };
    }
    const points = customers.get(customer_id) ?? 0;
    if (points > 0 && chance.hits(0.1)) {
      customers.set(customer_id, 0);
      yield { type: "customer.points.redeemed", data: { customer_id, points } };
    }
    if (chance.hits(0.15)) yield notice(customer_id);
  }

  function notice(user_id: string): Happening {
    const { email, phone, telegram_chat_id, push_subscriptions } = contactOf(user_id);
    const message = `Only today, ${visits} left.`;
    const ways: Happening[] = [
      {
        type: "notification.email",
        data: { template: "notification", recipient: email, data: { subject: "Today", message } },
      },
    ];
    if (phone !== undefined) ways.push({ type: "notification.sms", data: { phone, message } });
    if (telegram_chat_id !== undefined) {
      ways.push({ type: "notification.telegram", data: { chat_id: telegram_chat_id, message } });
    }
    if (push_subscriptions !== undefined) {
      ways.push({ type: "notification.push", data: { user_id, title: "Today", message } });
    }
    return chance.pick(ways);
  }

  /** Some give an address alone, and are known by it. */
  function signup(user_id: string): Happening {
    const { email, ...more } = contactOf(user_id);
    const data = chance.hits(0.1) ? { email } : { user_id, email, ...more };
    return { type: "user.signup", data };
  }
}
