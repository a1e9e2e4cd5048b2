import {
  completeRows,
  RETENTION_DAYS,
  type Key,
  type Ledger,
  type Row,
} from "../../lib/ledger/ledger.ts";

/** Rows of all consumers; ledgers that share it behave like processes that share a table. */
export type Rows = Map<string, { row: Row; expires: number }>;

/** The ledger of unit tests: every call takes effect at once, in one step. */
export function memoryLedger({
  now,
  consumer = "consumer",
  rows = new Map(),
}: {
  /** Epoch ms. */
  now: () => number;
  consumer?: string;
  rows?: Rows;
}): Ledger {
  const name = ({ tenant, source, id }: Key) => JSON.stringify([consumer, tenant, source, id]);
  const live = (key: Key) => {
    const stored = rows.get(name(key));
    return stored !== undefined && stored.expires > now() ? stored.row : undefined;
  };

  const swap: Ledger["swap"] = async (changes) => {
    if (new Set(changes.map(({ key }) => name(key))).size < changes.length) {
      throw new Error("a swap was given two changes of one key");
    }
    return changes.map(({ key, over, to }) => {
      const standing = live(key);
      if (standing?.rev === to?.rev) return { written: true };
      if (standing?.rev !== over?.rev) return { written: false, row: standing };
      if (to === undefined) rows.delete(name(key));
      else {
        const expires = now() + RETENTION_DAYS * 86_400_000;
        rows.set(name(key), { row: to, expires });
      }
      return { written: true };
    });
  };
  return {
    look: async (events) => events.map(({ key }) => live(key)),
    swap,
    complete: completeRows(swap),
  };
}
