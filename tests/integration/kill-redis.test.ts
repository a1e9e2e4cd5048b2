import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { environment } from "./lane.ts";
import { EXACT, type LiveShop, openShop } from "./live-shop.ts";
import { until } from "./rabbit-vhost.ts";
import { kill, start } from "./services.ts";
import { type TcpProxy, tcpProxy } from "./tcp-proxy.ts";

/** A Neo4j that has just been started takes its time for the first statements. */
const MS = 60_000;
/** A worker that came back at once would take its batch hundreds of times. */
const MAX_HANDED_BACK = 30;

let proxy: TcpProxy;
let shop: LiveShop;
beforeAll(async () => {
  const { hostname, port } = new URL(environment["REDIS_URL"]!);
  proxy = await tcpProxy({ host: hostname, port: Number(port) });
});
afterEach(async () => {
  await start("redis");
  await shop.close();
});
afterAll(() => proxy.close());

test("a Redis that is killed, and then is silent, loses and repeats nothing of the ledger", async () => {
  const url = new URL(environment["REDIS_URL"]!);
  url.port = String(proxy.port);
  shop = await openShop({
    events: 1_200,
    args: ["--workers", "2", "--prefetch", "100"],
    env: { LEDGER: "redis", REDIS_URL: url.href },
  });
  const posting = shop.post({ perSecond: 90 });
  await until("some are applied", async () => (await shop.applied()) > 200, MS);

  await kill("redis");
  await untilHandedBack(1);
  await start("redis");
  const before = await shop.applied();
  await until("it goes on", async () => (await shop.applied()) > before + 100, MS);
  // Writes are carried out, and nobody hears of it.
  proxy.silence();
  await untilHandedBack(handedBack() + 1);
  proxy.restore();
  await posting;

  expect(await shop.finish()).toEqual(EXACT);
  expect(handedBack()).toBeLessThan(MAX_HANDED_BACK);
});

async function untilHandedBack(count: number): Promise<void> {
  await until(`${count} batches are handed back`, () => handedBack() >= count, MS);
}

function handedBack(): number {
  return shop.host.lines().filter(({ msg }) => msg === "batch handed back").length;
}
