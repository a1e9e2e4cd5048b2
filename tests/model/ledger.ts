import { completeRows, type Key, type Ledger, type Row } from "../../lib/ledger/ledger.ts";
import type { Chance } from "./random.ts";
import type { Owner, Schedule } from "./schedule.ts";
import type { Bug } from "./event.ts";

/** One table for all processes; every request is a step of its process. */
export function simulatedLedger({
  time,
  random,
  bug,
}: {
  time: Schedule;
  random: Chance;
  bug: Bug | undefined;
}): (owner: Owner) => Ledger {
  const rows = new Map<string, Row>();

  function swapOne({ key, over, to }: { key: Key; over: Row | undefined; to: Row | undefined }) {
    const row = rows.get(key.id);
    const unfenced =
      bug === "unfenced release" && over?.state === "claimed" && to?.state !== "claimed";
    const isRelease = to === undefined || to.state === "forwarded";
    if (row?.rev === over?.rev || (unfenced && isRelease)) {
      if (to === undefined) rows.delete(key.id);
      else rows.set(key.id, to);
      return { written: true } as const;
    }
    return row?.rev === to?.rev ? ({ written: true } as const) : ({ written: false, row } as const);
  }

  return (owner) => {
    const swap: Ledger["swap"] = (changes) =>
      time.io(
        owner,
        `swap ${changes.map(({ key, to }) => `${key.id}:${to?.state ?? "-"}`).join(" ")}`,
        (fault) => {
          // A batch of statements is no transaction: a lost reply may hide a part.
          const reached = fault === "none" ? changes.length : random.int(0, changes.length);
          return changes.slice(0, reached).map(swapOne);
        },
      );
    return {
      look: (events) => time.io(owner, "look", () => events.map(({ key }) => rows.get(key.id))),
      swap,
      complete: completeRows(swap),
    };
  };
}
