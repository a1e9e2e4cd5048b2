import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFailed, test } from "vitest";
import { environment } from "./lane.ts";
import { fileStore } from "../../infra/keys/file-store.ts";
import { createKey } from "../../infra/keys/key-store.ts";
import { applyTopology } from "../../infra/rabbitmq/apply.ts";
import { readConsumers, ROOT } from "../../infra/rabbitmq/consumers.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { compareGraphs } from "../shop/compare.ts";
import { expectedGraph } from "../shop/expectation.ts";
import { asPosted, asReceived, forGraph, shopEvents } from "../shop/generator.ts";
import { dumpGraph, graphDriver } from "../shop/graph.ts";
import { crashInMidBatch } from "../shop/mid-batch.ts";
import { postAll } from "../shop/post.ts";
import { countApplied } from "../shop/proofs.ts";
import { ready } from "../shop/queues.ts";
import { type OfflineProcess, startOffline } from "./offline-service.ts";
import { newVhost, until, type Vhost } from "./rabbit-vhost.ts";
import { RETRY_DELAYS } from "./services.ts";

/** What was in a batch that crashed is projected one by one. */
const EVENTS = 60;

let vhost: Vhost;
let folder: string;
let offline: OfflineProcess;

beforeEach(async () => {
  vhost = await newVhost();
  const topology = topologyOf({ consumers: await readConsumers(), retryDelays: RETRY_DELAYS });
  await applyTopology({ ...vhost, topology });
  folder = await mkdtemp(join(tmpdir(), "warren-offline-"));
});
afterEach(async () => {
  const { exitCode, signalCode } = offline.process;
  if (exitCode === null && signalCode === null) {
    offline.process.kill("SIGKILL");
    await once(offline.process, "exit");
  }
  await vhost.remove();
  await rm(folder, { recursive: true });
});

test("serverless offline runs this project: what is posted is projected, over crashes in mid-batch", async () => {
  const run = `offline-${randomUUID().slice(0, 8)}-`;
  const tenants = [`${run}1`, `${run}2`];
  const file = join(folder, "keys.json");
  const keys = new Map<string, string>();
  for (const tenant of tenants) keys.set(tenant, await createKey(fileStore(file), tenant));

  const own = { ...environment, RABBITMQ_URL: vhost.url, API_KEYS_FILE: file };
  offline = await startOffline(ROOT, ["offline", "start", "--stage", "local"], own);
  onTestFailed(() => console.log(offline.output().slice(-8_000)));
  const answers = async () => {
    const signal = AbortSignal.timeout(10_000);
    const asked = fetch(`${offline.url}/events`, { method: "POST", signal }).catch(() => undefined);
    return (await asked)?.status === 401;
  };
  await until("ingest answers", answers, 90_000);

  const driver = graphDriver();
  const history = { tenants, events: EVENTS, seed: 1, endsAt: Date.now() };
  const happened = forGraph(shopEvents(history));
  const applied = () => countApplied(driver, run);
  const settled = new AbortController();
  const crashed = crashInMidBatch(
    { pid: offline.process.pid!, output: async () => offline.output() },
    async () => (await applied()) > 0,
    settled.signal,
  );
  await postAll({
    url: offline.url,
    keys,
    events: asPosted(happened, { duplicates: 0.1, disorder: 0.2, seed: 1 }),
    concurrency: 2,
    perSecond: 15,
    signal: settled.signal,
  });
  await until("all are applied", async () => (await applied()) === happened.length, 90_000);
  settled.abort();
  // One signal may end several environments.
  expect(await crashed).toBeGreaterThanOrEqual(2);

  offline.process.kill("SIGTERM");
  expect(await offline.exit).toBe(0);
  const expected = expectedGraph(asReceived(happened));
  const { differences } = compareGraphs(expected, await dumpGraph(driver, tenants));
  await driver.close();
  expect(differences).toEqual([]);
  expect(await ready(vhost.url, "dead.events.neo4j")).toBe(0);
});
