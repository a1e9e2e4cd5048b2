import * as z from "zod";
import { contract } from "./contract.ts";
import { email, entityId, line } from "./fields.ts";

/** A customer is a user who buys: `customer_id` and `user_id` are one name space. */
const created = z.looseObject({
  customer_id: entityId,
  email: email.optional(),
  name: line.optional(),
  phone: line.optional(),
});

/** Only what changed; null clears a field. */
const changes = z
  .looseObject({
    email: email.nullable().optional(),
    name: line.nullable().optional(),
    phone: line.nullable().optional(),
  })
  .refine((changed) => Object.keys(changed).length > 0, "must hold at least one change");

const updated = z.looseObject({ customer_id: entityId, changes });

const terms = { version: "1.0", key: ({ customer_id }: { customer_id: string }) => customer_id };

export const customers = [
  contract({
    ...terms,
    type: "customer.created",
    data: created,
    sample: { customer_id: "cust_123", email: "olena@example.com", name: "Olena" },
  }),
  contract({
    ...terms,
    type: "customer.updated",
    data: updated,
    sample: { customer_id: "cust_123", changes: { phone: "+380441234567" } },
  }),
] as const;
