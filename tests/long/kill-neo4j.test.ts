import { setTimeout as sleep } from "node:timers/promises";
import neo4j, { type Driver } from "neo4j-driver";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { environment } from "../integration/lane.ts";
import { EXACT, type LiveShop, openShop } from "../integration/live-shop.ts";
import { until } from "../integration/rabbit-vhost.ts";
import { start, stop } from "../integration/services.ts";
import { type TcpProxy, tcpProxy } from "../integration/tcp-proxy.ts";

const OUTAGE_MS = 20_000;
const MS = 60_000;
const BATCH = 100;
const WORKERS = 2;
/** One that came back at once after each failure would take each batch hundreds of times. */
const MAX_REDELIVERED = 2 * WORKERS * BATCH;
/** Outcomes that spend an attempt. What comes again while the other worker holds its twin is deferred. */
const SPENDING = ["retry", "dead", "uncertain"];

// Posting and outages alone are 90 s, and an idle machine takes 20 more.
vi.setConfig({ testTimeout: 300_000 });

let admin: Driver;
let proxy: TcpProxy;
let shop: LiveShop;

/** The projector has an account of its own, so that the tests keep theirs. */
beforeAll(async () => {
  const { NEO4J_URL, NEO4J_USER, NEO4J_PASSWORD } = environment;
  const { hostname, port } = new URL(NEO4J_URL!);
  admin = neo4j.driver(NEO4J_URL!, neo4j.auth.basic(NEO4J_USER!, NEO4J_PASSWORD!));
  proxy = await tcpProxy({ host: hostname, port: Number(port) });
  await command("CREATE USER shop SET PASSWORD $password CHANGE NOT REQUIRED", "the right one");
});
afterEach(async () => {
  await start("neo4j");
  await shop.close();
});
afterAll(async () => {
  await command("DROP USER shop");
  await admin.close();
  await proxy.close();
});

test("20 s without Neo4j and 20 s with a wrong password cost no message an attempt", async () => {
  shop = await openShop({
    events: 4_000,
    args: ["--workers", String(WORKERS), "--prefetch", String(BATCH)],
    env: {
      NEO4J_URL: `bolt://127.0.0.1:${proxy.port}`,
      NEO4J_USER: "shop",
      NEO4J_PASSWORD: "the right one",
    },
  });
  const posting = shop.post({ perSecond: 80 });

  await untilApplied(200);
  await stop("neo4j");
  await sleep(OUTAGE_MS);
  await start("neo4j");
  await untilApplied(100);

  await command("ALTER USER shop SET PASSWORD $password CHANGE NOT REQUIRED", "another one");
  // Connections that stand were let in with the old one.
  proxy.cut();
  proxy.restore();
  const before = await shop.applied();
  await sleep(OUTAGE_MS);
  // What had been sent before may have been written.
  expect(await shop.applied()).toBeLessThanOrEqual(before + WORKERS * BATCH);
  await command("ALTER USER shop SET PASSWORD $password CHANGE NOT REQUIRED", "the right one");
  await posting;

  const redelivered = Object.values(await shop.counter("warren_host_redelivered_total"));
  expect(await shop.finish()).toEqual(EXACT);
  expect(Object.keys(shop.outcomes()).filter((each) => SPENDING.includes(each))).toEqual([]);
  expect(redelivered.reduce((a, b) => a + b)).toBeLessThanOrEqual(MAX_REDELIVERED);
});

async function untilApplied(more: number): Promise<void> {
  const before = await shop.applied();
  await until(`${more} more are applied`, async () => (await shop.applied()) >= before + more, MS);
}

async function command(text: string, password = ""): Promise<void> {
  await admin.executeQuery(text, { password }, { database: "system" });
}
