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
};

/** From a worker to its supervisor. */
export type FromWorker =
  /** The function's module is there and its configuration is right. */
  | { kind: "loaded" }
  /** It never will be, unless somebody changes something. */
  | { kind: "refused"; message: string }
  | { kind: "state"; ready: boolean; problem?: string; url?: string }
  /** Sent regularly: a worker that falls silent hangs. */
  | { kind: "alive" }
  | { kind: "metrics"; request: number; metrics: unknown[] };

/** From the supervisor to a worker. */
export type ToWorker = { kind: "metrics"; request: number };

/** How often a worker says that it lives. */
export const ALIVE_MS = 5_000;

/**
 * From SIGTERM on: what runs may finish for FINISH_MS, then it is told to stop and its messages are handed back; after
 * GRACE_MS its process is killed. Docker kills after 10 s, Kubernetes after 30 s.
 */
export const FINISH_MS = 6_000;
export const GRACE_MS = 9_000;

export const EXIT = {
  /** As `timeout(1)` has it. */
  timeout: 124,
  /** EX_CONFIG of sysexits.h. */
  config: 78,
} as const;
