import * as z from "zod";
import { tenantId } from "../../lib/envelope/envelope.ts";
import type { Recipient } from "./recipient.ts";

/** The recipients of notifications about a tenant's shop itself, such as low stock. */
export type ShopRecipients = (tenant: string) => readonly Recipient[];

const text = z.string().min(1).max(500);

const recipient = z.union([
  z.strictObject({ user_id: text }),
  z.strictObject({ address: text }),
  z.strictObject({ phone: text }),
  z.strictObject({ chat_id: text }),
]);

/** By tenant; `*` is for all other tenants. */
const byTenant = z.record(z.union([tenantId, z.literal("*")]), z.array(recipient).max(100));

const EXPECTED =
  'must be JSON such as {"acme": [{"address": "stock@acme.example"}, {"chat_id": "-1001"}], "*": [{"user_id": "u1"}]}';

/** Reads `SHOP_RECIPIENTS`. */
export const shopRecipients = z
  .string()
  .default("{}")
  .transform((json, context): ShopRecipients => {
    const result = byTenant.safeParse(parsed(json));
    if (!result.success) {
      context.addIssue(EXPECTED);
      return z.NEVER;
    }
    const named = new Map(Object.entries(result.data));
    return (tenant) => named.get(tenant) ?? named.get("*") ?? [];
  });

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
