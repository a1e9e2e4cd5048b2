import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import * as z from "zod";
import { RETENTION_DAYS, type Key, type Row } from "./ledger.ts";

/**
 * One row as an item: `pk` (consumer#tenant#id), `rev`, `expires` (epoch s, the table's TTL) and
 * `body`, the rest of the row as JSON. A single attribute, because a write then replaces a row of any
 * state by one statement, and because the SDK's client spends its time on attributes. A claim with
 * three crashes is about 700 bytes: one write unit, which ends at 1 KB.
 */
export type Stored = {
  row: Row;
  /** Past its TTL: DynamoDB removes such items days late, so they stand here and count as absent. */
  past: boolean;
};

/** Parts are escaped, so that ("a#b", "c") and ("a", "b#c") are two keys. */
export function partitionKey(consumer: string, { tenant, id }: Key): string {
  return [consumer, tenant, id].map(escaped).join("#");
}

function escaped(part: string): string {
  return part.replaceAll("%", "%25").replaceAll("#", "%23");
}

/** What a write puts beside `pk`. `now` is epoch ms. */
export function attributesOf({ rev, ...body }: Row, now: number) {
  return {
    rev: { S: rev },
    body: { S: JSON.stringify(body) },
    expires: { N: String(Math.floor(now / 1_000) + RETENTION_DAYS * 86_400) },
  };
}

/** Throws on an item that no version of this file wrote: a row must never be taken for absent. */
export function readItem(item: Record<string, AttributeValue>, now: number): [string, Stored] {
  const { pk, rev, expires, body } = attributes.parse(item);
  const row = { ...rowBody.parse(JSON.parse(body.S)), rev: rev.S };
  return [pk.S, { row, past: Number(expires.N) * 1_000 <= now }];
}

const attributes = z.object({
  pk: z.object({ S: z.string() }),
  rev: z.object({ S: z.string() }),
  body: z.object({ S: z.string() }),
  expires: z.object({ N: z.string() }),
});

const forwarded = z.object({
  state: z.literal("forwarded"),
  digest: z.string(),
  attempt: z.union([z.number(), z.literal("dead")]),
  generation: z.number(),
});

const claimed = z
  .object({
    state: z.literal("claimed"),
    digest: z.string(),
    token: z.string(),
    until: z.number(),
    attempt: z.number(),
    generation: z.number(),
    copy: z.number().optional(),
    deliveryCount: z.number(),
    crashes: z.array(z.string()),
    sending: z.boolean(),
    beneath: forwarded.extend({ rev: z.string() }).optional(),
  })
  // JSON has no `undefined`: absent when read, present in the port's type.
  .transform(({ copy, beneath, ...rest }) => ({ ...rest, copy, beneath }));

const rowBody = z.union([
  z.object({ state: z.literal("done"), digest: z.string() }),
  claimed,
  forwarded,
]);
