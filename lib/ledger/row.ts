import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import * as z from "zod";
import { RETENTION_DAYS, type Key, type Row } from "./ledger.ts";

/** The key of a row in each store. Parts are escaped, so that ("a#b", "c") and ("a", "b#c") are two keys. */
export function partitionKey(consumer: string, { tenant, id }: Key): string {
  return `${escaped(consumer)}#${escaped(tenant)}#${escaped(id)}`;
}

function escaped(part: string): string {
  return /[%#]/.test(part) ? part.replaceAll("%", "%25").replaceAll("#", "%23") : part;
}

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

/**
 * One row as a string: its `rev`, a blank, and the rest. Of a done row, which nearly all rows are and
 * stay for their 30 days, that is the digest and nothing else; of others it is JSON.
 */
export function writeRow(row: Row): string {
  return `${row.rev} ${row.state === "done" ? row.digest : writeBody(row)}`;
}

/** Throws on what `writeRow` never wrote: a row must never be taken for absent. */
export function readRow(text: string): Row {
  const blank = text.indexOf(" ");
  const [rev, body] = [text.slice(0, blank), text.slice(blank + 1)];
  if (blank < 1 || body === "") throw new Error("a row of the ledger cannot be read");
  return body.startsWith("{") ? readBody(rev, body) : { state: "done", rev, digest: body };
}

/** A row as JSON, without its `rev`, which each store keeps where it compares it. */
function writeBody(row: Row): string {
  return JSON.stringify({ ...row, rev: undefined });
}

/** Throws on what no version of this file wrote: a row must never be taken for absent. */
function readBody(rev: string, text: string): Row {
  return { ...rowBody.parse(JSON.parse(text)), rev };
}

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
