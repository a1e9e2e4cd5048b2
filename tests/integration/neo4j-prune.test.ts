import { afterAll, expect, test } from "vitest";
import { openNeo4j } from "../../kit/neo4j/neo4j.ts";
import { pruneProofs } from "../../functions/neo4j-projector/pruning.ts";
import type { Row } from "../../lib/ledger/ledger.ts";
import { memoryLedger, type Rows } from "../contract/memory-ledger.ts";
import { graphDriver } from "../shop/graph.ts";
import { NEVER, newTenant, removeTenants, server } from "./neo4j.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const START = Date.parse("2026-11-20T10:00:00Z");

const driver = graphDriver();
const store = openNeo4j(server);
afterAll(async () => {
  await removeTenants(driver);
  await Promise.all([driver.close(), store.close()]);
});

/** Proofs of one tenant, each applied at START; the key of each is its id. */
async function standing(tenant: string, ids: readonly string[]): Promise<void> {
  await driver.executeQuery(
    "UNWIND $keys AS key CREATE (:AppliedEvent {key: key, digest: 'digest', applied_at: toInteger($at)})",
    { keys: ids.map((id) => `${tenant}#${id}#test`), at: START },
  );
}

async function left(tenant: string): Promise<string[]> {
  const { records } = await driver.executeQuery(
    "MATCH (e:AppliedEvent) WHERE e.key STARTS WITH $prefix RETURN e.key AS key ORDER BY key",
    { prefix: `${tenant}#` },
  );
  return records.map((record) => (record.get("key") as string).split("#")[1]!);
}

/** A ledger whose rows were written now, as `swap` would. */
function ledgerOf(tenant: string, rows: Record<string, Row>, clock: () => number) {
  const stored: Rows = new Map();
  const ledger = memoryLedger({ now: clock, rows: stored });
  return ledger
    .swap(
      Object.entries(rows).map(([id, to]) => ({
        key: { tenant, source: "test", id },
        over: undefined,
        to,
      })),
    )
    .then(() => ledger);
}

const done = (digest = "digest of the event"): Row => ({ state: "done", rev: "1", digest });

test("a proof goes half an hour after a first pass saw its event done, not before", async () => {
  const tenant = newTenant();
  await standing(tenant, ["done", "other", "unknown"]);
  let now = START + 16 * MINUTE;
  const ledger = await ledgerOf(
    tenant,
    { done: done(), other: done("another event under this id") },
    () => now,
  );
  const prune = () =>
    pruneProofs({
      neo4j: store,
      rule: { ledger },
      now: () => now,
      hasTime: () => true,
      signal: NEVER,
    });

  expect(await prune()).toMatchObject({ marked: 1, deleted: 0, complete: true });
  now += 30 * MINUTE;
  expect(await prune()).toMatchObject({ marked: 0, deleted: 0 });
  expect(await left(tenant)).toEqual(["done", "other", "unknown"]);
  now += 1;
  expect(await prune()).toMatchObject({ marked: 0, deleted: 1 });
  expect(await left(tenant)).toEqual(["other", "unknown"]);
});

test("a proof that has just been made is not looked up", async () => {
  const tenant = newTenant();
  await standing(tenant, ["done"]);
  const now = () => START + 15 * MINUTE;
  const ledger = await ledgerOf(tenant, { done: done() }, now);

  const pruned = await pruneProofs({
    neo4j: store,
    rule: { ledger },
    now,
    hasTime: () => true,
    signal: NEVER,
  });

  expect(pruned).toMatchObject({ marked: 0, deleted: 0 });
});

test("a proof that the ledger has outlived goes when the ledger has forgotten the event", async () => {
  const tenant = newTenant();
  await standing(tenant, ["forgotten"]);
  let now = START + 31 * DAY;
  const ledger = memoryLedger({ now: () => now });
  const prune = () =>
    pruneProofs({
      neo4j: store,
      rule: { ledger },
      now: () => now,
      hasTime: () => true,
      signal: NEVER,
    });

  await prune();
  expect(await left(tenant)).toEqual(["forgotten"]);
  now += 1;
  await prune();
  expect(await left(tenant)).toEqual([]);
});

test("without a ledger a proof goes a day after events of its age are refused", async () => {
  const tenant = newTenant();
  await standing(tenant, ["old"]);
  let now = START + 8 * DAY;
  const rule = { ledger: undefined, ageMs: 7 * DAY };
  const prune = () =>
    pruneProofs({ neo4j: store, rule, now: () => now, hasTime: () => true, signal: NEVER });

  await prune();
  expect(await left(tenant)).toEqual(["old"]);
  now += 1;
  await prune();
  expect(await left(tenant)).toEqual([]);
});

test("a pass goes through many pages, and stops between two when its time is over", async () => {
  const tenant = newTenant();
  await standing(
    tenant,
    Array.from({ length: 2_500 }, (_, i) => String(i)),
  );
  const pass = (pages: number) => {
    let asked = 0;
    return pruneProofs({
      neo4j: store,
      rule: { ledger: undefined, ageMs: 0 },
      now: () => START + DAY + 1,
      hasTime: () => asked++ < pages,
      signal: NEVER,
    });
  };

  expect(await pass(1)).toMatchObject({ seen: 1_000, complete: false });
  expect(await pass(Infinity)).toMatchObject({ complete: true });
  expect(await left(tenant)).toEqual([]);
});
