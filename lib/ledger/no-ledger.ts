import { keyText, type Ledger, type Row } from "./ledger.ts";

/**
 * `LEDGER=none`: remembers nothing beyond the claims that this process holds right now, and costs
 * nothing. What that gives up: a repeat is not skipped but applied again, so only the sink's proof
 * keeps effects single, and no longer than it is kept; an id reused by another event is caught by
 * that proof alone; crashes are not counted, so a message that kills its process comes back until
 * somebody removes it; two processes may hold the same message at once; a copy that was forwarded
 * before its original came back is applied twice.
 * For repeatable consumers only (open-ledger.ts refuses others).
 */
export function noLedger(): Ledger {
  /** The pipeline checks that a claim is still its own before it publishes under it. */
  const claims = new Map<string, Row>();

  return {
    look: async (events) => events.map(({ key }) => claims.get(keyText(key))),
    swap: async (changes) => {
      for (const { key, to } of changes) {
        if (to?.state === "claimed") claims.set(keyText(key), to);
        else claims.delete(keyText(key));
      }
      return changes.map(() => ({ written: true }));
    },
    complete: async (changes) => {
      for (const { key } of changes) claims.delete(keyText(key));
      return changes.map(() => undefined);
    },
  };
}
