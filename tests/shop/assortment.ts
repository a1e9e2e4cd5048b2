import type { Chance } from "../model/random.ts";
import type { Happening } from "./happening.ts";

export type Currency = { code: string; digits: number };

/** What a shop sells: products by number, with a price and a stock that change. */
type Assortment = {
  /** Some clients send numbers: 1042 and "1042" are one product. */
  productId: (product: number) => string | number;
  /** Major units; some unit prices are finer than their currency. */
  unitPrice: (product: number) => string | number;
  /** Minor units. */
  priceOf: (product: number) => number;
  /** Minor units as text in major ones. */
  decimal: (minor: number) => string;
  /** What the warehouse says when so many are taken. */
  take: (product: number, quantity: number) => Generator<Happening>;
  /** Never ends: announcements, changes, deletions, deliveries. */
  news: () => Generator<Happening>;
};

/** How many are in stock when they are called few. */
const FEW = 3;
const CATEGORIES = ["chairs", "tables", "lamps", "shelves"];

export function openAssortment({
  chance,
  currency,
  products,
  anyProduct,
}: {
  chance: Chance;
  currency: Currency;
  /** How many. */
  products: number;
  anyProduct: () => number;
}): Assortment {
  const prices = Array.from({ length: products }, () => chance.int(100, 99_999));
  const stocks = Array.from({ length: products }, () => chance.int(1, 8));

  return { productId, unitPrice, priceOf: (product) => prices[product]!, decimal, take, news };

  /** Every product is announced some time, the popular ones early; what vanished may change and come back. */
  function* news(): Generator<Happening> {
    for (let announced = 0; ;) {
      if (announced < products && chance.hits(announced < products / 4 ? 0.9 : 0.3)) {
        yield created(announced);
        announced += 1;
        continue;
      }
      const product = Math.min(anyProduct(), announced);
      const product_id = productId(product);
      const kind = chance.next();
      if (kind < 0.5) {
        yield { type: "product.updated", data: { product_id, changes: changeOf(product) } };
      } else if (kind < 0.65) {
        yield repriced(product);
      } else if (kind < 0.8) {
        yield refilled(product);
      } else if (kind < 0.85) {
        yield { type: "search.reindex", data: { entity: "product", id: product_id } };
      } else if (kind < 0.95) {
        yield { type: "product.deleted", data: { product_id } };
      } else {
        yield created(product);
      }
    }
  }

  function* take(product: number, quantity: number): Generator<Happening> {
    const left = Math.max(0, stocks[product]! - quantity);
    stocks[product] = left;
    const about = { product_id: productId(product), sku: skuOf(product) };
    if (left === 0) yield { type: "product.stock.out", data: about };
    else if (left <= FEW) {
      yield { type: "product.stock.low", data: { ...about, quantity: left, threshold: FEW } };
    } else yield { type: "product.stock.updated", data: { ...about, quantity: left } };
  }

  function refilled(product: number): Happening {
    const quantity = (stocks[product] = chance.int(10, 30));
    return { type: "product.stock.updated", data: { product_id: productId(product), quantity } };
  }

  function repriced(product: number): Happening {
    const old_price = unitPrice(product);
    prices[product] = chance.int(100, 99_999);
    const changed = { old_price, new_price: unitPrice(product), currency: currency.code };
    return { type: "product.price.changed", data: { product_id: productId(product), ...changed } };
  }

  function created(product: number): Happening {
    const data = {
      product_id: productId(product),
      name: `Product ${product}`,
      ...(chance.hits(0.5) && { description: `What ${product} is good for.` }),
      ...(chance.hits(0.8) && { category: chance.pick(CATEGORIES) }),
      sku: skuOf(product),
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
      weight_kg: chance.int(1, 50),
      colour: chance.pick(["oak", "pine"]),
      on_sale: chance.hits(0.1),
    };
  }

  function productId(product: number): string | number {
    const id = 1_000 + product;
    return chance.hits(0.1) ? id : String(id);
  }

  function skuOf(product: number): string {
    return `SKU${product}`;
  }

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
