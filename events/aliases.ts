import type { EventType } from "./catalogue.ts";

/**
 * Names that producers have for events of the catalogue: the same data under another type. Ingest
 * rewrites them, so no consumer knows them. docs/decisions/2-names-without-definition.md says why.
 */
export const aliases: ReadonlyMap<string, EventType> = new Map([
  ["inventory.low", "product.stock.low"],
  ["inventory.out", "product.stock.out"],
  ["inventory.updated", "product.stock.updated"],
  ["loyalty.earned", "customer.points.earned"],
  ["order.completed", "order.delivered"],
  ["segment.changed", "customer.segment.changed"],
]);
