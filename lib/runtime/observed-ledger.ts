import type { ClaimKind, Metrics, RowState } from "./metrics.ts";
import type { Change, Claimed, Ledger } from "../ledger/ledger.ts";

/** The same ledger, with its writes and failures counted under the name of its function. */
export function observedLedger(
  ledger: Ledger,
  { name, metrics }: { name: string; metrics: Metrics },
): Ledger {
  async function watched<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      metrics.ledgerFailed({ name });
      throw error;
    }
  }

  return {
    look: (keys) => watched(ledger.look(keys)),
    async swap(changes) {
      const verdicts = await watched(ledger.swap(changes));
      const written = changes.filter((_, index) => verdicts[index]?.written);
      const states = new Map<RowState, number>();
      for (const { over, to } of written) {
        const state = to?.state ?? "removed";
        states.set(state, (states.get(state) ?? 0) + 1);
        if (to?.state === "claimed") countClaim(to, over);
      }
      for (const [state, count] of states) metrics.rows({ name, state, count });
      return verdicts;
    },
  };

  function countClaim(to: Claimed, over: Change["over"]): void {
    const before = over?.state === "claimed" ? over : undefined;
    // The owner writes to its own claim as well: that it is about to send, that it did not crash.
    if (before?.token === to.token) return;
    metrics.claimed({ name, kind: kindOf(to, before) });
    if (to.crashes.length > (before?.crashes.length ?? 0)) metrics.crashed({ name });
  }
}

function kindOf(to: Claimed, before: Claimed | undefined): ClaimKind {
  if (before === undefined) return "fresh";
  return processOf(before) === processOf(to) ? "retaken" : "takeover";
}

/** `<process>:<nonce>` */
function processOf({ token }: Claimed): string {
  return token.slice(0, token.lastIndexOf(":"));
}
