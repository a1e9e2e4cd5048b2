import type { Envelope, Received } from "../envelope/envelope.ts";
import type { Key } from "../ledger/ledger.ts";

/**
 * A message as it arrived: data only. Acking belongs to whoever delivered it.
 * `attempt`, `generation`, `copy`, `notBefore` and `suspect` travel in our own numeric headers.
 */
export type Delivery = {
  body: Uint8Array;
  /** 1 for a message that never failed. */
  attempt: number;
  /** 1 as ingested; each replay on purpose raises it. */
  generation: number;
  /** Random number of this publish; absent on messages that others published. */
  copy: number | undefined;
  /** Epoch ms before which the message must not be applied. */
  notBefore: number | undefined;
  /** How often the broker delivered this very copy before (`x-delivery-count`). */
  deliveryCount: number;
  /** A copy of a message that may have ended its process: `deliveryCount` starts anew with each copy. */
  suspect: boolean;
  /** Epoch ms of the event's first failure: RETRY_LATER_FOR counts from it, and people read it. */
  firstFailedAt: number | undefined;
};

/**
 * What should happen to one delivery. The pipeline decides, settle carries the decision out.
 * `reason` is short and stable, `error` is the detail.
 */
export type Outcome =
  | { kind: "done" }
  /** Done before, or represented by another copy in this batch. */
  | { kind: "duplicate" }
  /** A copy with a higher attempt or generation was forwarded already. */
  | { kind: "superseded" }
  /** Again later, as the next attempt. */
  | ({ kind: "retry"; delayMs: number; notBefore?: number } & Why)
  /**
   * Again later, as the same attempt: not the message's fault. `notBefore`: the sink said when.
   * `suspect`: the copy must go alone.
   */
  | ({ kind: "defer"; delayMs: number; notBefore?: number; suspect?: true } & Why)
  /** For people. `rowStays`: the ledger's row is not about this event, or nobody can read it. */
  | ({ kind: "dead"; rowStays?: true } & Why)
  /** A send may or may not have gone out; `next` is the operator's choice. */
  | ({
      kind: "uncertain";
      next: "resend" | "dead-letter";
      delayMs: number;
      notBefore?: number;
    } & Why);

export type Why = { reason: string; error: string };

/** What became of a delivery; `event` is absent when the body could not be read. */
export type Settled = {
  delivery: Delivery;
  event: Envelope | undefined;
  outcome: Outcome;
};

/** How long a publish may take, ms. */
export const PUBLISH_MS = 5_000;

/**
 * Where copies of unfinished messages go. Each call resolves once the broker has confirmed the copy,
 * or rejects within PUBLISH_MS.
 */
export type Forward = {
  /** To the wait that the next part of `copy.delayMs` takes (waits.ts). */
  retry(delivery: Delivery, copy: RetryCopy): Promise<void>;
  /** To `dead.<queue>`, for people. */
  deadLetter(delivery: Delivery, letter: DeadLetter): Promise<void>;
};

type RetryCopy = {
  attempt: number;
  generation: number;
  delayMs: number;
  notBefore: number | undefined;
  suspect: boolean;
  firstFailedAt: number | undefined;
};

type DeadLetter = {
  /** Short and stable, for grouping. */
  reason: string;
  /** Detail for people. */
  error: string;
  /** Epoch ms. */
  deadAt: number;
  firstFailedAt: number | undefined;
};

/** A delivery that could be read. */
export type Letter = { delivery: Delivery; received: Received; key: Key };

export type Unreadable = { delivery: Delivery; received?: undefined };

/** Whether a message may have ended its process: then no other may be applied while it is. */
export function isSuspect({ deliveryCount, suspect }: Delivery): boolean {
  return deliveryCount > 0 || suspect;
}

/** A message and what should happen to it. */
export type Decided = { letter: Letter | Unreadable; outcome: Outcome };

export type Rank = { generation: number; attempt: number | "dead" };

/** Orders rows and messages by (generation, attempt), dead being the highest attempt. */
export function compareRank(a: Rank, b: Rank): number {
  if (a.generation !== b.generation) return a.generation - b.generation;
  if (a.attempt === b.attempt) return 0;
  if (a.attempt === "dead") return 1;
  if (b.attempt === "dead") return -1;
  return a.attempt - b.attempt;
}
