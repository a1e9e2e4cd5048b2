import type { EventType } from "./catalogue.ts";

/**
 * Other names that producers use for types of the catalogue, with the same data. Ingest replaces them, so
 * consumers never see them. docs/decisions/2-names-without-definition.md says why.
 */
export const aliases: ReadonlyMap<string, EventType> = new Map([
  ["inventory.low", "product.stock.low"],
  ["inventory.out", "product.stock.out"],
  ["inventory.updated", "product.stock.updated"],
  ["loyalty.earned", "customer.points.earned"],
  ["order.completed", "order.delivered"],
  ["segment.changed", "customer.segment.changed"],
]);
