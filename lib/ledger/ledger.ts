import * as z from "zod";
import { coalesced } from "../async/in-parallel.ts";

/**
 * The ledger's port: an idempotency store of one consumer, keyed (tenant, id), rows kept 30 days.
 *
 * It only stores: rows are read consistently and replaced by compare-and-swap. What a row means
 * and who may replace it is decided by lib/pipeline, so every rule stands in one place and every
 * store behaves alike. tests/contract/ledger.ts is the suite each implementation passes.
 */
export type Ledger = {
  /** One row or `undefined` per key, in order; consistent reads. Rows past their TTL are absent. */
  look(keys: readonly Key[]): Promise<(Row | undefined)[]>;
  /**
   * Writes each change whose row is still `over` (same `rev`, or absent), in one request where the
   * store can. Keys are distinct. Returns a verdict per change, in order. A repeat of our own
   * request that already took effect (same `rev` stands) counts as written.
   * Throws when the store cannot be reached; what was written then is unknown.
   */
  swap(changes: readonly Change[]): Promise<Verdict[]>;
};

/**
 * The ledger's store did not do as it was asked, and `cause` says why. What was written then is
 * unknown, so nothing of the batch may be acked: it comes again.
 */
export class LedgerUnavailableError extends Error {
  override name = "LedgerUnavailableError";
}

export type Key = { tenant: string; id: string };

/** A key as one string; no tenant and no id holds a NUL. */
export function keyText({ tenant, id }: Key): string {
  return `${tenant}\0${id}`;
}

/** `to: undefined` removes the row. */
export type Change = { key: Key; over: Row | undefined; to: Row | undefined };

/** Written, or not: then the row that stands in the way now. */
export type Verdict = { written: true } | { written: false; row: Row | undefined };

/** `rev` is a nonce of the write that made the row; `digest` tells a repeat from an id worn twice. */
export type Row = Done | Claimed | Forwarded;

export type Done = { state: "done"; rev: string; digest: string };

export type Claimed = {
  state: "claimed";
  rev: string;
  digest: string;
  /** `<process>:<nonce>`: who holds the claim. */
  token: string;
  /** Epoch ms; afterwards others may take over. */
  until: number;
  attempt: number;
  generation: number;
  /** Which copy was claimed, and its delivery count then: tells when this very copy comes back. */
  copy: number | undefined;
  deliveryCount: number;
  /** Tokens of claims that were taken over from other processes: each is one crash. */
  crashes: readonly string[];
  /** A send of a consumer that is not repeatable was about to start. */
  sending: boolean;
  /** The row that a release restores. */
  beneath: Forwarded | undefined;
};

export type Forwarded = {
  state: "forwarded";
  rev: string;
  digest: string;
  attempt: number | "dead";
  generation: number;
};

/** Days a row is kept (DESIGN: long memory). */
export const RETENTION_DAYS = 30;

/** Rows in one request: what DynamoDB takes in one BatchExecuteStatement. */
const ROWS_PER_REQUEST = 25;
/** Few, so that requests fill; more than one, so that none waits for a slow one alone. */
const REQUESTS = 2;

/**
 * The same ledger, for messages that travel alone side by side: what they ask about one row each goes
 * in common requests. Whoever asks about several rows has made a request already.
 */
export function coalescedLedger(ledger: Ledger): Ledger {
  const limits = { largest: ROWS_PER_REQUEST, inFlight: REQUESTS };
  const look = coalesced<Key, Row | undefined>((keys) => ledger.look(keys), {
    ...limits,
    keyOf: keyText,
  });
  const swap = coalesced<Change, Verdict>((changes) => ledger.swap(changes), {
    ...limits,
    keyOf: ({ key }) => keyText(key),
  });

  return {
    look: async (keys) => (keys.length === 1 ? [await look(keys[0]!)] : ledger.look(keys)),
    swap: async (changes) =>
      changes.length === 1 ? [await swap(changes[0]!)] : ledger.swap(changes),
  };
}

/** The key of a row in each store. Parts are escaped, so that ("a#b", "c") and ("a", "b#c") are two keys. */
export function partitionKey(consumer: string, { tenant, id }: Key): string {
  return `${escaped(consumer)}#${escaped(tenant)}#${escaped(id)}`;
}

function escaped(part: string): string {
  return /[%#]/.test(part) ? part.replaceAll("%", "%25").replaceAll("#", "%23") : part;
}

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
