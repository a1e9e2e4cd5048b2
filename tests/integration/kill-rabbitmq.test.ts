import { afterEach, expect, test } from "vitest";
import { EXACT, type LiveShop, openShop } from "./live-shop.ts";
import { until } from "./rabbit-vhost.ts";
import { kill, start } from "./services.ts";

let shop: LiveShop;
afterEach(async () => {
  await start("rabbitmq");
  await shop.close();
});

test("what was accepted survives a crash of RabbitMQ, what was refused is there once", async () => {
  shop = await openShop({ events: 2_000, args: ["--workers", "2", "--prefetch", "100"] });
  const posting = shop.post({ perSecond: 150 });

  await until("some are applied", async () => (await shop.applied()) > 200, 60_000);
  await kill("rabbitmq");
  await start("rabbitmq");
  const { accepted, refused } = await posting;

  expect(await shop.finish()).toEqual(EXACT);
  expect(accepted).toBeGreaterThan(2_000);
  // Each was repeated with its id until it was accepted.
  expect(refused).not.toEqual({});
  expect(["broker_unavailable", "unconfirmed"]).toEqual(
    expect.arrayContaining(Object.keys(refused)),
  );
});
