import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { queueGauges } from "../../functions/queue-metrics/gauges.ts";
import { reportQueues } from "../../functions/queue-metrics/report.ts";
import { applyTopology } from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { newVhost, until, type Vhost } from "./rabbit-vhost.ts";

const QUEUE = "events.graph";

let vhost: Vhost;
let registry: Registry;
let gauges: ReturnType<typeof queueGauges>;
let complaints: string[];

beforeEach(async () => {
  vhost = await newVhost();
  const consumers = [{ queue: QUEUE, accepts: ["order.paid"] }];
  await withChannel({ url: vhost.url, name: "test" }, (channel) =>
    applyTopology(channel, topologyOf({ consumers, retryDelays: [60_000] })),
  );
  registry = new Registry();
  gauges = queueGauges(registry);
  complaints = [];
});
afterEach(() => vhost.remove());

/** What /metrics has of them afterwards, by name and queue. */
async function report(managementUrl = vhost.managementUrl): Promise<Record<string, number>> {
  const complain = ({ err }: { err?: Error }, text: string) =>
    void complaints.push(`${text}${err ? `: ${err.message}` : ""}`);
  const log = { warn: complain, error: complain } as never;
  await reportQueues({ broker: { url: vhost.url, managementUrl }, gauges, log });
  const lines = (await registry.metrics()).matchAll(/^warren_(\w+)(?:\{queue="(.*)"\})? (.+)$/gm);
  return Object.fromEntries(
    [...lines].map(([, name, queue, value]) => [
      `${name}${queue ? ` ${queue}` : ""}`,
      Number(value),
    ]),
  );
}

async function publish(...messages: { to: string; body: string }[]): Promise<void> {
  const publisher = rabbitPublisher({ url: vhost.url, name: "test" });
  const publishing = messages.map(({ to, body }) =>
    publisher.publish({ exchange: "", routingKey: to, body: Buffer.from(body) }),
  );
  await Promise.all(publishing);
  await publisher.close();
}

/** The broker's own figures are up to 5 s old. */
async function untilReported(figures: Record<string, number>): Promise<void> {
  await until(`reported: ${JSON.stringify(figures)}`, async () => {
    const reported = await report();
    return Object.entries(figures).every(([name, value]) => reported[name] === value);
  });
}

test("reports every queue: depth, unacked, consumers, bytes, how full it is", async () => {
  await publish(
    ...Array.from({ length: 5 }, () => ({ to: QUEUE, body: "x".repeat(1_024) })),
    { to: `dead.${QUEUE}`, body: "dead" },
    { to: "events.unconsumed", body: "unwanted" },
  );
  await withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    await channel.prefetch(2);
    await channel.consume(QUEUE, () => {});
    await untilReported({
      [`queue_messages_ready ${QUEUE}`]: 3,
      [`queue_messages_unacked ${QUEUE}`]: 2,
      [`queue_consumers ${QUEUE}`]: 1,
      [`queue_messages_ready dead.${QUEUE}`]: 1,
      "queue_messages_ready events.unconsumed": 1,
      [`queue_messages_ready ${QUEUE}.retry.1m`]: 0,
      [`queue_consumers dead.${QUEUE}`]: 0,
    });
    const reported = await report();
    const bytes = reported[`queue_ready_bytes ${QUEUE}`]!;
    expect(bytes).toBeGreaterThanOrEqual(3 * 1_024);
    expect(bytes).toBeLessThan(6 * 1_024);
    expect(reported[`queue_fill_ratio ${QUEUE}`]).toBeCloseTo(bytes / (8 * 1_024 ** 3), 12);
    // Nothing bounds the dead letters.
    expect(reported).not.toHaveProperty([`queue_fill_ratio dead.${QUEUE}`]);
    expect(reported["broker_up"]).toBe(1);
  });
});

test("reports the rates at which messages come and go", async () => {
  let rates = { in: 0, out: 0 };
  await withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    await channel.consume(QUEUE, (message) => message && channel.ack(message));
    await until("rates are reported", async () => {
      await publish({ to: QUEUE, body: "1" }, { to: QUEUE, body: "2" });
      const reported = await report();
      rates = {
        in: reported[`queue_published_per_second ${QUEUE}`]!,
        out: reported[`queue_delivered_per_second ${QUEUE}`]!,
      };
      return rates.in > 0 && rates.out > 0;
    });
  });
  expect(rates).toEqual({ in: expect.any(Number), out: expect.any(Number) });
});

test("a bound set by policy counts, too", async () => {
  const address = new URL(vhost.url);
  const login = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`;
  const answer = await fetch(`${vhost.managementUrl}/api/policies${address.pathname}/bound`, {
    method: "PUT",
    headers: { authorization: `Basic ${btoa(login)}` },
    body: JSON.stringify({ pattern: "^dead", definition: { "max-length": 4 }, priority: 5 }),
    signal: AbortSignal.timeout(10_000),
  });
  expect(answer.ok).toBe(true);
  await publish({ to: `dead.${QUEUE}`, body: "1" }, { to: `dead.${QUEUE}`, body: "2" });
  await untilReported({ [`queue_fill_ratio dead.${QUEUE}`]: 0.5 });
});

test("a queue that is gone leaves no figures behind", async () => {
  expect(await report()).toHaveProperty([`queue_consumers ${QUEUE}`]);
  await withChannel({ url: vhost.url, name: "test" }, async (channel) => {
    await channel.deleteQueue(QUEUE);
  });
  const left = Object.keys(await report());
  expect(left.filter((name) => name.endsWith(` ${QUEUE}`))).toEqual([]);
  expect(left).toContain(`queue_consumers dead.${QUEUE}`);
});

test("a broker that is away is reported, without a figure of before", async () => {
  expect(await registry.metrics()).not.toMatch(/^warren/m);
  await report();
  expect(await report("http://127.0.0.1:1")).toEqual({ broker_up: 0 });
  expect(complaints).toEqual([
    "the broker does not tell about its queues: the management API at http://127.0.0.1:1 " +
      "cannot be reached when asked for queues",
  ]);
  expect((await report())["broker_up"]).toBe(1);
});

test("an answer without end is cut off", async () => {
  let sent = 0;
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const pump = () => {
      do sent += 65_536;
      while (!response.destroyed && response.write(" ".repeat(65_536)));
    };
    response.on("drain", pump);
    pump();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    expect(await report(`http://127.0.0.1:${port}`)).toEqual({ broker_up: 0 });
    expect(complaints[0]).toContain("answers with more than 8388608 bytes");
    // What waits in the buffers of two sockets is sent in vain.
    expect(sent).toBeLessThan(24 * 1_024 ** 2);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
