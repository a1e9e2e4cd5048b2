import * as z from "zod";
import { contract } from "./contract.ts";
import { entityId, line } from "./fields.ts";
import { amount, currency, roundedMinor } from "./money.ts";

const attributes = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

/** Parsed with `price_minor`. */
const created = z
  .looseObject({
    product_id: entityId,
    name: line,
    description: z.string().optional(),
    category: line.optional(),
    sku: line.optional(),
    /** Per unit, major units; may be finer than the currency. */
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

/** `price_minor` is ours to derive: what a producer calls so says nothing about money. */
type Changed = Omit<z.output<typeof named>, "price_minor"> & { price_minor?: number };

/** Only what changed; null clears a field. Parsed with `price_minor` where the price changed. */
const changes = named
  .refine((changed) => Object.keys(changed).length > 0, "must hold at least one change")
  .transform((given, context): Changed => {
    const { price_minor: _, ...changed } = given;
    if (changed.price === undefined && changed.currency === undefined) return changed;
    if (changed.price === undefined || changed.currency === undefined) {
      // One without the other names no amount of money: which minor units would it be in?
      const missing = changed.price === undefined ? "price" : "currency";
      context.addIssue({
        code: "custom",
        path: [missing],
        message: "price and currency go together",
      });
      return changed;
    }
    return {
      ...changed,
      price_minor: roundedMinor(changed.price, changed.currency, ["price"], context),
    };
  });

const updated = z.looseObject({ product_id: entityId, changes });

const deleted = z.looseObject({ product_id: entityId });

const terms = { version: "1.0", key: ({ product_id }: { product_id: string }) => product_id };

export const products = [
  contract({
    ...terms,
    type: "product.created",
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
    data: updated,
    sample: { product_id: "prod_456", changes: { price: "450.00", currency: "UAH" } },
  }),
  contract({
    ...terms,
    type: "product.deleted",
    data: deleted,
    sample: { product_id: "prod_456" },
  }),
] as const;
