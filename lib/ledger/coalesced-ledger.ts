import { coalesced } from "../coalesced.ts";
import type { Change, Key, Ledger, Row, Verdict } from "./ledger.ts";

/** Rows in one request: what DynamoDB takes in one BatchExecuteStatement. */
const ROWS_PER_REQUEST = 25;

/**
 * The same ledger, for messages that travel alone side by side: what they ask about one row each goes
 * in common requests. Whoever asks about several rows has made a request already.
 */
export function coalescedLedger(ledger: Ledger): Ledger {
  const textOf = ({ tenant, id }: Key) => `${tenant}#${id}`;
  const look = coalesced<Key, Row | undefined>((keys) => ledger.look(keys), {
    largest: ROWS_PER_REQUEST,
    keyOf: textOf,
  });
  const swap = coalesced<Change, Verdict>((changes) => ledger.swap(changes), {
    largest: ROWS_PER_REQUEST,
    keyOf: ({ key }) => textOf(key),
  });

  return {
    look: async (keys) => (keys.length === 1 ? [await look(keys[0]!)] : ledger.look(keys)),
    swap: async (changes) =>
      changes.length === 1 ? [await swap(changes[0]!)] : ledger.swap(changes),
  };
}
