import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { environment } from "./lane.ts";
import { EXACT, type LiveShop, openShop } from "./live-shop.ts";
import { until } from "./rabbit-vhost.ts";
import { type TcpProxy, tcpProxy } from "./tcp-proxy.ts";

const OUTAGE_MS = 10_000;
/** A worker that came back at once would take its batch hundreds of times. */
const MAX_HANDED_BACK = 30;

let proxy: TcpProxy;
let shop: LiveShop;
beforeAll(async () => {
  const { hostname, port } = new URL(environment["AWS_ENDPOINT_URL_DYNAMODB"]!);
  proxy = await tcpProxy({ host: hostname, port: Number(port) });
});
afterEach(() => shop.close());
afterAll(() => proxy.close());

test("10 s without a ledger, which first refuses and then is silent, lose and repeat nothing", async () => {
  shop = await openShop({
    events: 1_200,
    args: ["--workers", "2", "--prefetch", "100"],
    env: { LEDGER: "dynamodb", AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${proxy.port}` },
  });
  const posting = shop.post({ perSecond: 90 });
  await until("some are applied", async () => (await shop.applied()) > 200, 60_000);

  proxy.cut();
  await sleep(OUTAGE_MS / 2);
  // Now writes are carried out, and nobody hears of it.
  proxy.restore();
  proxy.silence();
  await sleep(OUTAGE_MS / 2);
  proxy.restore();
  await posting;

  expect(await shop.finish()).toEqual(EXACT);
  const handedBack = shop.host.lines().filter(({ msg }) => msg === "batch handed back");
  expect(handedBack.length).toBeGreaterThan(0);
  expect(handedBack.length).toBeLessThan(MAX_HANDED_BACK);
});
