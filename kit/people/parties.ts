import * as z from "zod";
import type { Document, Key } from "./directory.ts";

/** The document of an order: `customer_id`. */
export function orderKey(tenant: string, id: string): Key {
  return { tenant, kind: "order", id };
}

/** The document of a ticket: `owner_id`, `watcher_ids`. */
export function ticketKey(tenant: string, id: string): Key {
  return { tenant, kind: "ticket", id };
}

/** User ids. Undefined: not known yet. Null: an event said that there is nobody. */
type Parties = {
  customer_id: string | null | undefined;
  owner_id: string | null | undefined;
  watcher_ids: readonly string[] | null | undefined;
};

/** Reads the document of an order or a ticket. Throws if functions/contacts did not write it. */
export function partiesOf(document: Document | undefined): Parties {
  const value = (name: string) => document?.[name]?.value;
  return {
    customer_id: one.parse(value("customer_id")),
    owner_id: one.parse(value("owner_id")),
    watcher_ids: z.array(z.string()).nullish().parse(value("watcher_ids")),
  };
}

const one = z.string().nullish();
