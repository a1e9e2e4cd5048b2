import type { HostedFunction } from "./declaration.ts";

/** What a worker process is started with, as JSON in its only argument. */
export type WorkerSpec = {
  function: HostedFunction;
  /** Which of a function's workers it is, from 0. */
  index: number;
  /** At most so many messages to a batch, whatever the function's batch size. */
  prefetch: number | undefined;
  /** Address that an HTTP function listens on. */
  bind: string;
  /** HTTP functions of one host listen side by side: on PORT, PORT + 1 and so on. */
  portOffset: number;
  /** From SIGTERM until its process is killed, ms. */
  graceMs: number;
};

/** From a worker to its supervisor. */
export type FromWorker =
  /** The function's module is there and its configuration is right. */
  | { kind: "loaded" }
  /** It never will be, unless somebody changes something. */
  | { kind: "refused"; message: string }
  | { kind: "state"; ready: boolean; problem?: string; url?: string }
  /** The first batch or run of this process succeeded. */
  | { kind: "settled" }
  /** Sent regularly: a worker that falls silent hangs. */
  | { kind: "alive" }
  | { kind: "metrics"; request: number; metrics: unknown[] };

/** From the supervisor to a worker. */
export type ToWorker = { kind: "metrics"; request: number };

/** How often a worker says that it lives. */
export const ALIVE_MS = 5_000;

/** What settling may take once a batch is told to stop: a publish 5 s, a call to the ledger 10 s. */
const HAND_BACK_MS = 15_000;

/**
 * How long after SIGTERM what runs may finish, ms; then it is told to stop, and has the rest of the
 * grace time to hand its messages back. Whoever is killed meanwhile counts as a crash for a message.
 */
export function finishMs(graceMs: number): number {
  return Math.max(graceMs - HAND_BACK_MS, graceMs / 3);
}

export const EXIT = {
  /** As `timeout(1)` has it. */
  timeout: 124,
  /** EX_CONFIG of sysexits.h. */
  config: 78,
} as const;
