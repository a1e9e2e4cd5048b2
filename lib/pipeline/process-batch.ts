import type { Ledger } from "../ledger/ledger.ts";
import type { Consumer } from "./consumer.ts";
import type { Delivery } from "./delivery.ts";
import type { Forward } from "./forward.ts";
import type { Settled } from "./outcome.ts";

export type Deps = {
  ledger: Ledger;
  forward: Forward;
  /** Delay before each further attempt, ms; its length is the number of retries. */
  retryDelays: readonly number[];
  /** How long a claim holds, ms: the function's time-out plus 30 s of clock skew. */
  leaseMs: number;
  /** Names one process start; its own old claims are retaken without counting a crash. */
  process: string;
  /** Called for each message once its outcome is decided, before anything is published for it. */
  report: (settled: Settled) => void;
  /** Epoch ms. */
  now: () => number;
  /** In [0, 1). */
  random: () => number;
  /** A string no other write ever used. */
  nonce: () => string;
  /** Resolves after `ms`, rejects when the signal aborts. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
};

/** The limits of one invocation. */
export type Run = {
  /** Aborts when the channel is lost or the process must stop: nothing is settled afterwards. */
  signal: AbortSignal;
  /** ms until the runtime ends this invocation. */
  remainingMs: () => number;
};

/**
 * Settles every delivery of a batch: when it resolves, all may be acked; when it rejects, none may,
 * and the batch must come again. Outcomes are in the order of the deliveries.
 */
export type ProcessBatch = (deliveries: readonly Delivery[], run: Run) => Promise<Settled[]>;

/** Made once per process: it remembers how the sink fared from one batch to the next. */
export declare function batchProcessor(consumer: Consumer, deps: Deps): ProcessBatch;
