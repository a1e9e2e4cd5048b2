import type { Delivery } from "./delivery.ts";

/** Where copies of unfinished messages go. Each call resolves once the broker has confirmed the copy. */
export type Forward = {
  /** To the smallest retry tier of at least `copy.delayMs`, expiring after `copy.delayMs`. */
  retry(delivery: Delivery, copy: RetryCopy): Promise<void>;
  /** To `dead.<queue>`, for people. */
  deadLetter(delivery: Delivery, letter: DeadLetter): Promise<void>;
};

export type RetryCopy = {
  attempt: number;
  generation: number;
  delayMs: number;
  notBefore: number | undefined;
  firstFailedAt: number | undefined;
};

export type DeadLetter = {
  /** Short and stable, for grouping. */
  reason: string;
  /** Detail for people. */
  error: string;
  /** Epoch ms. */
  deadAt: number;
  firstFailedAt: number | undefined;
};
