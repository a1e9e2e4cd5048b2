import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, onTestFailed, test, vi } from "vitest";
import { collectionsOf } from "../../functions/qdrant-projector/collections.ts";
import { accepts, type ProjectedEvent } from "../../functions/qdrant-projector/accepts.ts";
import { readVectors } from "../../infra/qdrant/read-vectors.ts";
import { parserOf } from "../../events/catalogue.ts";
import { connect } from "../../kit/qdrant/connect.ts";
import { applyTopology } from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { rabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { asPosted, shopEvents } from "../shop/generator.ts";
import { comparePoints, dumpPoints, expectedPoints } from "../shop/points.ts";
import { depths } from "../shop/queues.ts";
import { type HostProcess, startHost, untilReady } from "./host-process.ts";
import { environment } from "./lane.ts";
import { newVhost, until, type Vhost } from "./rabbit-vhost.ts";
import { kill, RETRY_DELAYS, start } from "./services.ts";

const QUEUE = "events.qdrant";
const EVENTS = 1_500;
const OUTAGE_MS = 3_000;
const MS = 120_000;
/** Outcomes that spend an attempt. */
const SPENDING = ["retry", "dead", "uncertain"];

// Seconds on an idle machine.
vi.setConfig({ testTimeout: 300_000 });

let vhost: Vhost;
let host: HostProcess;
beforeAll(async () => {
  vhost = await newVhost();
  const topology = topologyOf({
    consumers: [{ queue: QUEUE, accepts }],
    retryDelays: RETRY_DELAYS,
  });
  await withChannel({ url: vhost.url, name: "test" }, (channel) =>
    applyTopology(channel, topology),
  );
});
afterEach(async () => {
  await start("qdrant");
  host.process.kill("SIGKILL");
  await host.exit;
});
afterAll(() => vhost.remove());

test("an engine that is killed in mid-batch, again and again, costs no point and no attempt", async () => {
  const { server, place, embedder } = readVectors(environment);
  const client = connect(server);
  const collections = collectionsOf(place);
  const tenant_id = `kill-${randomUUID()}`;
  const known = new Set<string>(accepts);
  const history = { tenants: [tenant_id], events: EVENTS, seed: 1, endsAt: Date.now() };
  const events = [...shopEvents(history)].filter(({ type }) => known.has(type));

  const args = ["qdrant-projector", "--workers", "2", "--prefetch", "50"];
  const run = ["--admin-port", "0", "--bind", "127.0.0.1"];
  host = startHost([...args, ...run], { ...environment, RABBITMQ_URL: vhost.url });
  onTestFailed(() => console.log(JSON.stringify(host.lines().slice(-40), null, 1)));
  await untilReady(host);
  const publisher = rabbitPublisher({ url: vhost.url, name: "test" });
  const posted = asPosted(events, { duplicates: 0.1, disorder: 0.2, seed: 1 });
  await Promise.all(
    [...posted].map((event) =>
      publisher.publish({
        exchange: "events",
        routingKey: event.type,
        body: Buffer.from(JSON.stringify(event)),
      }),
    ),
  );
  await publisher.close();

  const written = async () => {
    const filter = { must: [{ key: "tenant_id", match: { value: tenant_id } }] };
    const counts = ["product", "profile"] as const;
    const all = counts.map((kind) => client.count(collections[kind], { filter }));
    return (await Promise.all(all)).reduce((sum, { count }) => sum + count, 0);
  };
  for (const share of [0.1, 0.4]) {
    const goal = share * (EVENTS / 10);
    await until(`${goal} points stand`, async () => (await written()) >= goal, MS);
    await kill("qdrant");
    await sleep(OUTAGE_MS);
    await start("qdrant");
  }
  const isEmpty = async () => [...(await depths(vhost)).values()].every((count) => count === 0);
  await until("all deliveries are settled", isEmpty, MS);

  const parse = parserOf(accepts);
  const parsed = events.map((event) => parse(Buffer.from(JSON.stringify(event))).event);
  const expected = await expectedPoints(parsed satisfies ProjectedEvent[], embedder);
  const actual = await dumpPoints(client, collections, [tenant_id]);
  expect(comparePoints(expected, actual).differences).toEqual([]);
  expect(expected.size).toBeGreaterThan(100);
  const outcomes = new Set(host.lines().map(({ outcome }) => outcome));
  expect(SPENDING.filter((each) => outcomes.has(each))).toEqual([]);
});
