import * as z from "zod";
import { contract } from "./contract.ts";
import { chatId, contact, email, entityId, line, locale, pushSubscriptions } from "./fields.ts";

/** A customer is a user who buys: `customer_id` and `user_id` share a namespace. */
const customer = z.looseObject({ customer_id: entityId });

const created = customer.extend(contact.shape);

/** Only changed fields; null clears a field. */
const changes = z
  .looseObject({
    email: email.nullable().optional(),
    name: line.nullable().optional(),
    phone: line.nullable().optional(),
    locale: locale.nullable().optional(),
    telegram_chat_id: chatId.nullable().optional(),
    push_subscriptions: pushSubscriptions.nullable().optional(),
  })
  .refine((changed) => Object.keys(changed).length > 0, "must hold at least one change");

const updated = customer.extend({ changes });

const segmentChanged = customer.extend({ old_segment: line.nullish(), new_segment: line });

const tierChanged = customer.extend({ old_tier: line.nullish(), new_tier: line });

/** The limit keeps every sum of points countable. */
const points = z.int().positive().max(1_000_000_000);

const earned = customer.extend({ points, source: line.optional() });

const redeemed = customer.extend({ points });

const terms = { version: "1.0", key: ({ customer_id }: { customer_id: string }) => customer_id };

export const customers = [
  contract({
    ...terms,
    type: "customer.created",
    meaning: "Somebody has become a customer.",
    data: created,
    sample: { customer_id: "cust_123", email: "olena@example.com", name: "Olena", locale: "uk" },
  }),
  contract({
    ...terms,
    type: "customer.updated",
    meaning: "What is known about a customer has changed; null clears a field.",
    data: updated,
    sample: { customer_id: "cust_123", changes: { phone: "+380441234567" } },
  }),
  contract({
    ...terms,
    type: "customer.segment.changed",
    meaning: "A customer belongs to another segment.",
    data: segmentChanged,
    sample: { customer_id: "cust_123", old_segment: "new", new_segment: "regular" },
  }),
  contract({
    ...terms,
    type: "customer.tier.changed",
    meaning: "A customer has another tier of the loyalty programme.",
    data: tierChanged,
    sample: { customer_id: "cust_123", old_tier: "silver", new_tier: "gold" },
  }),
  contract({
    ...terms,
    type: "customer.points.earned",
    meaning: "A customer was given loyalty points.",
    data: earned,
    sample: { customer_id: "cust_123", points: 100, source: "order_xyz" },
  }),
  contract({
    ...terms,
    type: "customer.points.redeemed",
    meaning: "A customer has spent loyalty points.",
    data: redeemed,
    sample: { customer_id: "cust_123", points: 40 },
  }),
] as const;
