import { expect, test } from "vitest";
import { memoryLedger } from "../../tests/contract/memory-ledger.ts";
import { asked } from "../../tests/contract/rows.ts";
import { createMetrics } from "./metrics.ts";
import type { Claimed, Ledger, Row } from "../ledger/ledger.ts";
import { observedLedger } from "./journal.ts";

const name = "graph";
const key = { tenant: "acme", source: "shop", id: "evt_1" };
const claimed = (rev: string, token: string, crashes: string[] = []): Claimed => ({
  state: "claimed",
  rev,
  digest: "d",
  token,
  until: 1_000,
  attempt: 2,
  generation: 1,
  copy: undefined,
  deliveryCount: 0,
  crashes,
  sending: false,
  shared: false,
  beneath: undefined,
});

function opened(ledger: Ledger = memoryLedger({ now: () => 0 })) {
  const metrics = createMetrics();
  const lines = async () => {
    const text = await metrics.registry.metrics();
    return text.split("\n").filter((line) => line.startsWith("warren_ledger_"));
  };
  return { ledger: observedLedger(ledger, { name, metrics }), lines };
}

test("counts rows by state, and claims by whose they were", async () => {
  const { ledger, lines } = opened();
  const one = claimed("1", "a:1");
  const sending = { ...one, rev: "2", sending: true };
  const again = claimed("3", "a:2");
  const taken = claimed("4", "b:1", ["a:2"]);
  const done: Row = { state: "done", rev: "5", digest: "d" };
  const steps = [undefined, one, sending, again, taken, done, undefined];
  for (const [index, over] of steps.slice(0, -1).entries()) {
    await ledger.swap([{ key, over, to: steps[index + 1] }]);
  }
  expect(await lines()).toEqual([
    'warren_ledger_rows_total{function="graph",state="claimed"} 4',
    'warren_ledger_rows_total{function="graph",state="done"} 1',
    'warren_ledger_rows_total{function="graph",state="removed"} 1',
    'warren_ledger_claims_total{function="graph",kind="fresh"} 1',
    'warren_ledger_claims_total{function="graph",kind="retaken"} 1',
    'warren_ledger_claims_total{function="graph",kind="takeover"} 1',
    'warren_ledger_crashes_total{function="graph"} 1',
  ]);
});

test("a write that lost against another is no row", async () => {
  const { ledger, lines } = opened();
  const done = (rev: string): Row => ({ state: "done", rev, digest: "d" });
  await ledger.swap([{ key, over: undefined, to: done("1") }]);
  const [verdict] = await ledger.swap([{ key, over: undefined, to: done("2") }]);
  expect(verdict).toEqual({ written: false, row: done("1") });
  expect(await lines()).toEqual(['warren_ledger_rows_total{function="graph",state="done"} 1']);
});

test("counts calls that fail, and passes the failure on", async () => {
  const away = async () => Promise.reject(new Error("away"));
  const { ledger, lines } = opened({ look: away, swap: away, complete: away });
  await expect(ledger.look([asked(key)])).rejects.toThrow("away");
  await expect(ledger.swap([{ key, over: undefined, to: undefined }])).rejects.toThrow("away");
  expect(await lines()).toEqual(['warren_ledger_errors_total{function="graph"} 2']);
});
