import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import * as z from "zod";
import { RETENTION_DAYS, type Row } from "./ledger.ts";
import { readBody, writeBody } from "./row-body.ts";

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

/** What a write puts beside `pk`. `now` is epoch ms. */
export function attributesOf(row: Row, now: number) {
  return {
    rev: { S: row.rev },
    body: { S: writeBody(row) },
    expires: { N: String(Math.floor(now / 1_000) + RETENTION_DAYS * 86_400) },
  };
}

/** Throws on an item that no version of this file wrote: a row must never be taken for absent. */
export function readItem(item: Record<string, AttributeValue>, now: number): [string, Stored] {
  const { pk, rev, expires, body } = attributes.parse(item);
  return [pk.S, { row: readBody(rev.S, body.S), past: Number(expires.N) * 1_000 <= now }];
}

const attributes = z.object({
  pk: z.object({ S: z.string() }),
  rev: z.object({ S: z.string() }),
  body: z.object({ S: z.string() }),
  expires: z.object({ N: z.string() }),
});
