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

export type Key = { tenant: string; id: string };

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
