import type { Ledger } from "./ledger.ts";

/**
 * `LEDGER=none`: remembers nothing, costs nothing. What that gives up: a repeat is not skipped but
 * applied again, so only the sink's proof keeps effects single, and no longer than it is kept; an
 * id reused by another event is caught by that proof alone; crashes are not counted, so a message
 * that kills its process comes back until somebody removes it; two processes may hold the same
 * message at once; a copy that was forwarded before its original came back is applied twice.
 * For repeatable consumers only (open-ledger.ts refuses others).
 */
export function noLedger(): Ledger {
  return {
    look: async (keys) => keys.map(() => undefined),
    swap: async (changes) => changes.map(() => ({ written: true })),
  };
}
