import type { EventType } from "../../events/catalogue.ts";
import type { Chance } from "../model/random.ts";
import { zipf } from "./zipf.ts";

/** What happens in a shop, without time and name. */
export type Happening = { type: EventType; data: Record<string, unknown>; session?: string };

export type Currency = { code: string; digits: number };

/** How many visits and open orders there are at a time. */
const ACTIVITIES = 30;

/**
 * One tenant's shop: visitors come, look, buy and go; orders are fulfilled; the catalogue changes.
 * Each call says what happens next. Few users and products have most of the traffic.
 */
export function openShop({
  chance,
  currency,
  users,
  products,
}: {
  chance: Chance;
  currency: Currency;
  users: number;
  products: number;
}): () => Happening {
  const anyUser = zipf({ count: users, exponent: 0.8, chance });
  const anyProduct = zipf({ count: products, exponent: 1, chance });
  /** Unit prices, minor units. */
  const prices = Array.from({ length: products }, () => chance.int(100, 99_999));
  const known = new Set<string>();
  const customers = new Set<string>();
  let visits = 0;
  let orders = 0;
  /** The catalogue never ends and stays first. */
  const activities: Generator<Happening>[] = [catalogue()];

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
    if (customers.has(user_id) && chance.hits(0.1)) yield customerUpdated(user_id);

    function interaction(type: EventType, product: number): Happening {
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
      customers.add(customer_id);
      const data = {
        customer_id,
        email: `${customer_id}@example.com`,
        name: `Name ${customer_id}`,
      };
      yield { type: "customer.created", data, session };
    }
    const order_id = `order_${(orders += 1)}`;
    const items = [...cart].map(([product, quantity]) => ({
      product_id: productId(product),
      quantity,
      price: unitPrice(product),
    }));
    // What is paid is not the sum of the items: delivery, discounts.
    const paid = [...cart].reduce((sum, [product, many]) => sum + prices[product]! * many, 500);
    const total = decimal(paid);
    const data = { order_id, customer_id, items, total, currency: currency.code };
    yield { type: "order.created", data, session };
    activities.push(fulfilment(order_id, total));
  }

  function* fulfilment(order_id: string, amount: string): Generator<Happening> {
    const payment = { payment_id: `pay_${order_id}`, method: "card", amount };
    const steps: Happening[] = [
      { type: "order.confirmed", data: { order_id } },
      {
        type: "order.paid",
        data: { order_id, payment: { ...payment, currency: currency.code } },
      },
      {
        type: "order.shipped",
        data: { order_id, tracking: { number: `59${order_id}`, carrier: "np" } },
      },
      { type: "order.delivered", data: { order_id } },
    ];
    for (const step of steps) {
      if (chance.hits(0.05)) {
        yield { type: "order.cancelled", data: { order_id, reason: "changed their mind" } };
        return;
      }
      yield step;
    }
  }

  /** Every product is announced some time, the popular ones early; what vanished may change and come back. */
  function* catalogue(): Generator<Happening> {
    for (let announced = 0; ;) {
      if (announced < products && chance.hits(announced < products / 4 ? 0.9 : 0.3)) {
        yield productCreated(announced);
        announced += 1;
        continue;
      }
      const product = Math.min(anyProduct(), announced);
      const product_id = productId(product);
      const kind = chance.next();
      if (kind < 0.8) {
        yield { type: "product.updated", data: { product_id, changes: changeOf(product) } };
      } else if (kind < 0.95) {
        yield { type: "product.deleted", data: { product_id } };
      } else {
        yield productCreated(product);
      }
    }
  }

  function productCreated(product: number): Happening {
    const data = {
      product_id: productId(product),
      name: `Product ${product}`,
      ...(chance.hits(0.5) && { description: `What ${product} is good for.` }),
      ...(chance.hits(0.8) && { category: chance.pick(CATEGORIES) }),
      sku: `SKU${product}`,
      price: unitPrice(product),
      currency: currency.code,
      ...(chance.hits(0.5) && { attributes: attributes() }),
    };
    return { type: "product.created", data };
  }

  function changeOf(product: number): Record<string, unknown> {
    switch (chance.int(0, 5)) {
      case 0:
        return { name: `Product ${product} as of ${chance.int(2, 99)}` };
      case 1:
        return { description: chance.hits(0.5) ? null : `Better than ever: ${product}.` };
      case 2:
        return { category: chance.hits(0.2) ? null : chance.pick(CATEGORIES) };
      case 3:
        return { attributes: attributes() };
      default:
        prices[product] = chance.int(100, 99_999);
        return { price: unitPrice(product), currency: currency.code };
    }
  }

  function attributes(): Record<string, unknown> {
    return {
      stock: chance.int(0, 50),
      colour: chance.pick(["oak", "pine"]),
      on_sale: chance.hits(0.1),
    };
  }

  function signup(user_id: string): Happening {
    const email = `${user_id}@example.com`;
    const data = chance.hits(0.1) ? { email } : { user_id, email, name: `Name ${user_id}` };
    return { type: "user.signup", data };
  }

  function customerUpdated(customer_id: string): Happening {
    const phone = chance.hits(0.3) ? null : `+38044${chance.int(1_000_000, 9_999_999)}`;
    const changes = chance.hits(0.5) ? { phone } : { name: `Renamed ${chance.int(1, 99)}`, phone };
    return { type: "customer.updated", data: { customer_id, changes } };
  }

  /** Some clients send numbers: 1042 and "1042" are one product. */
  function productId(product: number): string | number {
    const id = 1_000 + product;
    return chance.hits(0.1) ? id : String(id);
  }

  /** Some unit prices are finer than their currency. */
  function unitPrice(product: number): string | number {
    const text = decimal(prices[product]!);
    if (chance.hits(0.1)) return currency.digits === 0 ? `${text}.5` : `${text}5`;
    return chance.hits(0.5) ? text : Number(text);
  }

  function decimal(minor: number): string {
    if (currency.digits === 0) return String(minor);
    const text = String(minor).padStart(currency.digits + 1, "0");
    return `${text.slice(0, -currency.digits)}.${text.slice(-currency.digits)}`;
  }
}

const CATEGORIES = ["chairs", "tables", "lamps", "shelves"];
