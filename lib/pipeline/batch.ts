import type { Ledger } from "../ledger/ledger.ts";
import type { Claim, Claims } from "./claims.ts";
import type { Policy } from "./classify.ts";
import type { Consumer } from "./consumer.ts";
import type { SinkHealth, TimeBudget } from "./hold.ts";
import type { Decided, Forward, Settled } from "./message.ts";

/** What a process gives the pipeline, once. */
export type Deps = {
  ledger: Ledger;
  forward: Forward;
  /** Delay before each further attempt, ms, at least one; its length is the number of retries. */
  retryDelays: readonly number[];
  /** How long a message that is told to retry later is not dead, ms. */
  retryLaterFor: number;
  /** How long a claim holds, ms: the function's time-out plus 30 s of clock skew. */
  leaseMs: number;
  /** Names one process start; its own old claims are retaken without counting a crash. */
  process: string;
  /** Called once for each message when its outcome is decided, before anything is published. */
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

/** What the verbs of the pipeline carry through one batch. */
export type Batch = Deps & {
  consumer: Consumer;
  policy: Policy;
  health: SinkHealth;
  time: TimeBudget;
  claims: Claims;
};

/** What the verbs return and `settle` carries out; with the claim, if the message is under one. */
export type Result = Decided & { claim?: Claim };
