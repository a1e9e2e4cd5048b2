import { coalesced } from "../async/coalesced.ts";
import type { Change, Key, Ledger, Row, Verdict } from "./ledger.ts";

/** Rows in one request: what DynamoDB takes in one BatchExecuteStatement. */
const ROWS_PER_REQUEST = 25;
/** Few, so that requests fill; more than one, so that none waits for a slow one alone. */
const REQUESTS = 2;

/**
 * The same ledger, for messages that travel alone side by side: what they ask about one row each goes
 * in common requests. Whoever asks about several rows has made a request already.
 */
export function coalescedLedger(ledger: Ledger): Ledger {
  const limits = { largest: ROWS_PER_REQUEST, inFlight: REQUESTS };
  const textOf = ({ tenant, id }: Key) => `${tenant}#${id}`;
  const look = coalesced<Key, Row | undefined>((keys) => ledger.look(keys), {
    ...limits,
    keyOf: textOf,
  });
  const swap = coalesced<Change, Verdict>((changes) => ledger.swap(changes), {
    ...limits,
    keyOf: ({ key }) => textOf(key),
  });

  return {
    look: async (keys) => (keys.length === 1 ? [await look(keys[0]!)] : ledger.look(keys)),
    swap: async (changes) =>
      changes.length === 1 ? [await swap(changes[0]!)] : ledger.swap(changes),
  };
}
