import * as z from "zod";
import { contract } from "./contract.ts";
import { entityId, line } from "./fields.ts";
import { amount, currency, roundedMinor } from "./money.ts";

const attributes = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

/** Parsed data has `price_minor`. */
const created = z
  .looseObject({
    product_id: entityId,
    name: line,
    description: z.string().optional(),
    category: line.optional(),
    sku: line.optional(),
    /** Price per unit in major units. May have more decimals than the currency. */
    price: amount,
    currency,
    attributes: attributes.optional(),
  })
  .transform((product, context) => ({
    ...product,
    price_minor: roundedMinor(product.price, product.currency, ["price"], context),
  }));

const named = z.looseObject({
  name: line.optional(),
  description: z.string().nullable().optional(),
  category: line.nullable().optional(),
  sku: line.nullable().optional(),
  price: amount.optional(),
  currency: currency.optional(),
  attributes: attributes.optional(),
});

/** Only Warren derives `price_minor`; a producer's field of that name is ignored. */
type Changed = z.output<typeof named> & { price_minor?: number };

/** Only changed fields; null clears a field. Parsed data has `price_minor` if the price changed. */
const changes = named
  .refine((changed) => Object.keys(changed).length > 0, "must hold at least one change")
  .transform((given, context): Changed => {
    const changed: Changed = { ...given };
    delete changed.price_minor;
    if (changed.price === undefined && changed.currency === undefined) return changed;
    if (changed.price === undefined || changed.currency === undefined) {
      // A price without a currency has no minor units.
      const missing = changed.price === undefined ? "price" : "currency";
      context.addIssue({
        code: "custom",
        path: [missing],
        message: "price and currency must be sent together",
      });
      return changed;
    }
    return {
      ...changed,
      price_minor: roundedMinor(changed.price, changed.currency, ["price"], context),
    };
  });

const product = z.looseObject({ product_id: entityId });

const updated = product.extend({ changes });

/** Negative: sold before it arrived. */
const quantity = z.int();

const inStock = product.extend({ sku: line.optional(), quantity });

const stockLow = inStock.extend({ threshold: z.int().optional() });

const stockOut = product.extend({ sku: line.optional() });

const priced = product.extend({ old_price: amount.nullish(), new_price: amount, currency });

/** Parsed data has `new_price_minor`, and `old_price_minor` if the old price is given. */
const priceChanged = priced.transform((given, context) => {
  const minor = (name: "old_price" | "new_price", price: number | string) =>
    roundedMinor(price, given.currency, [name], context);
  const changed: z.output<typeof priced> & { new_price_minor: number; old_price_minor?: number } = {
    ...given,
    new_price_minor: minor("new_price", given.new_price),
  };
  delete changed.old_price_minor;
  if (given.old_price != null) changed.old_price_minor = minor("old_price", given.old_price);
  return changed;
});

const terms = { version: "1.0", key: ({ product_id }: { product_id: string }) => product_id };

export const products = [
  contract({
    ...terms,
    type: "product.created",
    meaning: "A product is offered: the whole product.",
    data: created,
    sample: {
      product_id: "prod_456",
      name: "Oak chair",
      description: "Solid oak, oiled.",
      category: "chairs",
      sku: "SKU001",
      price: "500.00",
      currency: "UAH",
      attributes: { colour: "natural", weight_kg: 5.2 },
    },
  }),
  contract({
    ...terms,
    type: "product.updated",
    meaning: "What is known about a product has changed; null clears a field.",
    data: updated,
    sample: { product_id: "prod_456", changes: { price: "450.00", currency: "UAH" } },
  }),
  contract({
    ...terms,
    type: "product.deleted",
    meaning: "A product is no longer offered.",
    data: product,
    sample: { product_id: "prod_456" },
  }),
  contract({
    ...terms,
    type: "product.price.changed",
    meaning: "A product has another price.",
    data: priceChanged,
    sample: { product_id: "prod_456", old_price: "500.00", new_price: "450.00", currency: "UAH" },
  }),
  contract({
    ...terms,
    type: "product.stock.updated",
    meaning: "So many of a product are in stock now.",
    data: inStock,
    sample: { product_id: "prod_456", sku: "SKU001", quantity: 12 },
  }),
  contract({
    ...terms,
    type: "product.stock.low",
    meaning: "Few of a product are left in stock.",
    data: stockLow,
    sample: { product_id: "prod_456", sku: "SKU001", quantity: 2, threshold: 5 },
  }),
  contract({
    ...terms,
    type: "product.stock.out",
    meaning: "None of a product is left in stock.",
    data: stockOut,
    sample: { product_id: "prod_456", sku: "SKU001" },
  }),
] as const;
