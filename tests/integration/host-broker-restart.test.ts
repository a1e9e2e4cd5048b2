import { afterAll, afterEach, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { type Folder, hostFolder, untilReady } from "./host-process.ts";
import { type Broker, brokerInstalled, ownBroker } from "./rabbit-broker.ts";
import { until } from "./rabbit-vhost.ts";

const QUEUE = "events.probe";

/** What only a broker that nobody else uses can show. */
describe.runIf(brokerInstalled)("a broker that is killed", () => {
  let broker: Broker;
  let folder: Folder;

  beforeAll(async () => {
    broker = await ownBroker();
    await broker.start();
  });
  afterAll(() => broker.remove());
  afterEach(() => folder.remove());

  test("aborts the running batch; the host says so, and goes on by itself afterwards", async () => {
    await send("before");
    folder = await hostFolder(
      `functions: { probe: { handler: probe.handler, timeout: 120, events: [rabbitmq: { queue: ${QUEUE} }] } }`,
      {
        probe: `export const handler = (event, { signal }) => {
          record({ bodies: bodiesOf(event) });
          const [{ redelivered }] = Object.values(event.rmqMessagesByQueue).flat();
          if (redelivered) return Promise.resolve();
          return new Promise((_, reject) => {
            signal.addEventListener("abort", () => {
              record({ aborted: true });
              reject(signal.reason);
            });
          });
        };`,
      },
    );
    const host = folder.start(["--admin-port", "0"], { RABBITMQ_URL: broker.url });
    onTestFailed(async () => {
      console.log(JSON.stringify(host.lines().slice(-60), null, 1));
      console.log(await broker.lastWords());
    });
    await untilReady(host);
    await until("it runs", async () => (await folder.records()).length === 1);

    await broker.kill();
    await until("it is aborted", async () => (await folder.records()).length === 2);
    await until("it says so", async () => (await host.status())?.ready === false);
    expect((await host.fetch("/health/ready")).status).toBe(503);
    expect((await host.fetch("/health/live")).status).toBe(200);
    await broker.start();
    await until("it comes again", async () => (await folder.records()).length >= 3, 60_000);

    expect((await folder.records()).slice(1)).toMatchObject([
      { aborted: true },
      { bodies: ["before"] },
    ]);
    await untilReady(host);
    expect((await host.status())?.functions["probe"]).toMatchObject({ restarts: 0 });
  });

  const send = (body: string) =>
    withChannel({ url: broker.url, name: "test" }, async (channel) => {
      await channel.assertQueue(QUEUE, { arguments: { "x-queue-type": "quorum" } });
      channel.sendToQueue(QUEUE, Buffer.from(body), { persistent: true });
      await channel.waitForConfirms();
    });
});
