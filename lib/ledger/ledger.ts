import * as z from "zod";
import { coalesced } from "../async/in-parallel.ts";
import { errorText } from "../error-text.ts";

/**
 * The ledger's port: an idempotency store of one consumer, keyed (tenant, source, id), kept 30 days.
 *
 * It only stores: rows are read consistently and replaced by compare-and-swap. What a row means
 * and who may replace it is decided by lib/pipeline, so one place has every rule and every
 * store behaves alike. tests/contract/ledger.ts is the suite each implementation passes.
 */
export type Ledger = {
  /**
   * One row or `undefined` per event, in order. Rows past their TTL are absent. Consistent reads, but
   * of a fresh event a `done` that is some seconds old may be missed: then the sink's proof decides.
   * If two events of one key were completed at the same moment, each may read as the other's `done`.
   */
  look: (events: readonly Asked[]) => Promise<(Row | undefined)[]>;
  /**
   * Writes each change whose row is still `over` (same `rev`, or absent), in one request where the
   * store can. Keys are distinct. Returns a verdict per change, in order. A repeat of our own
   * request that already took effect (same `rev` stands) counts as written.
   * Throws when the store cannot be reached; what was written then is unknown.
   */
  swap: (changes: readonly Change[]) => Promise<Verdict[]>;
  /**
   * Records as done what a repeatable consumer's sink has accepted: over none, a forwarded row and
   * anybody's claim, never over `done`. Keys are distinct; `over` is the row last seen. Returns per
   * change `undefined`, or the `done` of another event that has this key. May be repeated as it is.
   * Throws when the store cannot be reached; what was recorded then is unknown.
   */
  complete: (changes: readonly Completion[]) => Promise<(Done | undefined)[]>;
};

/** How long a call of the ledger may take, ms; then it throws. */
export const LEDGER_MS = 5_000;

/**
 * The ledger's store did not do as it was asked, and `cause` says why. What was written then is
 * unknown, so nothing of the batch may be acked: it comes again.
 */
export class LedgerUnavailableError extends Error {
  override name = "LedgerUnavailableError";
}

/** What names an event (CloudEvents: `source` and `id`), within its tenant. */
export type Key = { tenant: string; source: string; id: string };

/** A key as one string; only the last part, `source`, may hold a NUL. */
export function keyText({ tenant, source, id }: Key): string {
  return `${tenant}\0${id}\0${source}`;
}

/** `digest` is the event's. Fresh: a message of it that was never delivered, retried or replayed. */
export type Asked = { key: Key; digest: string; fresh: boolean };

/** `to: undefined` removes the row. */
export type Change = { key: Key; over: Row | undefined; to: Row | undefined };

export type Completion = Change & { to: Done };

/** Written, or not: then the row that stands in the way now. */
export type Verdict = { written: true } | { written: false; row: Row | undefined };

/** `rev` is a nonce of the write that made the row; `digest` tells a repeat from an id worn twice. */
export type Row = Done | Claimed | Forwarded | Unreadable;

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
  /** Others are applied at the same time: that its process ended accuses nobody. */
  shared: boolean;
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

/** What no version of this file wrote. It must never be taken for absent. */
export type Unreadable = { state: "unreadable"; rev: string; digest: ""; error: string };

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
  const one = <Item extends { key: Key }, Result>(
    work: (items: readonly Item[]) => Promise<Result[]>,
  ): ((items: readonly Item[]) => Promise<Result[]>) => {
    const keyOf = ({ key }: Item) => keyText(key);
    const single = coalesced(work, { largest: ROWS_PER_REQUEST, inFlight: REQUESTS, keyOf });
    return async (items) => (items.length === 1 ? [await single(items[0]!)] : work(items));
  };
  return { look: one(ledger.look), swap: one(ledger.swap), complete: one(ledger.complete) };
}

/** `complete` of a store that keeps one row for each event. */
export function completeRows(swap: Ledger["swap"]): Ledger["complete"] {
  return async (changes) => {
    const standing = new Map<Completion, Done>();
    let open = changes.map((change) => ({ change, over: change.over }));
    for (let round = 0; open.length > 0; round++) {
      if (round === MAX_ROUNDS) throw new Error("a row of the ledger does not come to rest");
      const verdicts = await swap(open.map(({ change, over }) => ({ ...change, over })));
      open = open.flatMap(({ change }, index) => {
        const verdict = verdicts[index]!;
        if (verdict.written) return [];
        if (verdict.row?.state !== "done") return [{ change, over: verdict.row }];
        if (verdict.row.digest !== change.to.digest) standing.set(change, verdict.row);
        return [];
      });
    }
    return changes.map((change) => standing.get(change));
  };
}

/** A row changes as often as it has takers; beyond that something is broken. */
export const MAX_ROUNDS = 20;

/** The key of a row in each store. Parts are escaped, so that ("a#b", "c") and ("a", "b#c") are two keys. */
export function partitionKey(...parts: readonly string[]): string {
  return parts.map(escaped).join("#");
}

function escaped(part: string): string {
  return /[%#]/.test(part) ? part.replaceAll("%", "%25").replaceAll("#", "%23") : part;
}

/** A row as JSON, without its `rev`, which each store keeps where it compares it. */
export function writeBody(row: Row): string {
  return JSON.stringify({ ...row, rev: undefined });
}

export function readBody(rev: string, text: string): Row {
  try {
    return { ...rowBody.parse(JSON.parse(text)), rev };
  } catch (error) {
    return unreadable(rev, error);
  }
}

export function unreadable(rev: string, error: unknown): Unreadable {
  return { state: "unreadable", rev, digest: "", error: errorText(error) };
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
    shared: z.boolean(),
    beneath: forwarded.extend({ rev: z.string() }).optional(),
  })
  // JSON has no `undefined`: absent when read, present in the port's type.
  .transform(({ copy, beneath, ...rest }) => ({ ...rest, copy, beneath }));

const rowBody = z.union([
  z.object({ state: z.literal("done"), digest: z.string() }),
  claimed,
  forwarded,
]);
