import { setTimeout as sleep } from "node:timers/promises";
import neo4j from "neo4j-driver";
import { afterEach, expect, inject, test } from "vitest";
import { EXACT, type LiveShop, openShop } from "./live-shop.ts";
import { until } from "./rabbit-vhost.ts";
import { start, stop } from "./services.ts";
import { tcpProxy } from "./tcp-proxy.ts";

const OUTAGE_MS = 20_000;
/** A worker that came back at once after each refusal would take each batch hundreds of times. */
const MAX_REDELIVERED = 200;
/** Outcomes that spend an attempt. What comes again while the other worker holds its twin is deferred. */
const SPENDING = ["retry", "dead", "uncertain"];

let shop: LiveShop;
let cleanUp: () => Promise<unknown> = async () => {};
afterEach(async () => {
  await shop.close();
  await cleanUp();
});

test("20 s without Neo4j cost no message an attempt", async () => {
  cleanUp = () => start("neo4j");
  shop = await openShop({ events: 2_000, args: ["--workers", "2", "--prefetch", "100"] });
  const posting = shop.post({ perSecond: 80 });
  await until("some are applied", async () => (await shop.applied()) > 200, 60_000);

  await stop("neo4j");
  await sleep(OUTAGE_MS);
  await start("neo4j");
  await posting;

  const { finished, redelivered, spent } = await end();
  expect(finished).toEqual(EXACT);
  expect(spent).toEqual([]);
  expect(redelivered).toBeLessThan(MAX_REDELIVERED);
});

test("20 s with a wrong password for Neo4j cost no message an attempt", async () => {
  const { NEO4J_URL, NEO4J_USER, NEO4J_PASSWORD } = inject("environment");
  const { hostname, port } = new URL(NEO4J_URL!);
  const proxy = await tcpProxy({ host: hostname, port: Number(port) });
  const admin = neo4j.driver(NEO4J_URL!, neo4j.auth.basic(NEO4J_USER!, NEO4J_PASSWORD!));
  const command = (text: string, password = "") =>
    admin.executeQuery(text, { password }, { database: "system" });
  await command("CREATE USER shop SET PASSWORD $password CHANGE NOT REQUIRED", "the right one");
  cleanUp = async () => {
    await command("DROP USER shop");
    await admin.close();
    await proxy.close();
  };
  shop = await openShop({
    events: 2_000,
    args: ["--workers", "2", "--prefetch", "100"],
    env: {
      NEO4J_URL: `bolt://127.0.0.1:${proxy.port}`,
      NEO4J_USER: "shop",
      NEO4J_PASSWORD: "the right one",
    },
  });
  const posting = shop.post({ perSecond: 80 });
  await until("some are applied", async () => (await shop.applied()) > 200, 60_000);

  await command("ALTER USER shop SET PASSWORD $password CHANGE NOT REQUIRED", "another one");
  // Connections that stand were let in with the old one.
  proxy.cut();
  proxy.restore();
  const before = await shop.applied();
  await sleep(OUTAGE_MS);
  expect(await shop.applied()).toBe(before);
  await command("ALTER USER shop SET PASSWORD $password CHANGE NOT REQUIRED", "the right one");
  await posting;

  const { finished, redelivered, spent } = await end();
  expect(finished).toEqual(EXACT);
  expect(spent).toEqual([]);
  expect(redelivered).toBeLessThan(MAX_REDELIVERED);
});

/** How the run ended, how much came again, and which outcomes spent attempts. */
async function end() {
  const counts = await shop.counter("warren_host_redelivered_total");
  const redelivered = Object.values(counts).reduce((a, b) => a + b);
  const finished = await shop.finish();
  const spent = Object.keys(shop.outcomes()).filter((outcome) => SPENDING.includes(outcome));
  return { finished, redelivered, spent };
}
