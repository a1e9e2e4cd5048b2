import * as z from "zod";
import type { Row } from "./ledger.ts";

/** A row as JSON, without its `rev`, which each store keeps where it compares it. */
export function writeBody(row: Row): string {
  return JSON.stringify({ ...row, rev: undefined });
}

/** Throws on what no version of this file wrote: a row must never be taken for absent. */
export function readBody(rev: string, text: string): Row {
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
