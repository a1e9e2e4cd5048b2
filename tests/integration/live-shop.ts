import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFailed } from "vitest";
import * as z from "zod";
import { environment } from "./lane.ts";
import { fileStore } from "../../infra/keys/file-store.ts";
import { createKey } from "../../infra/keys/key-store.ts";
import { applyTopology } from "../../infra/rabbitmq/apply.ts";
import { readConsumers } from "../../infra/rabbitmq/consumers.ts";
import { readConfig, variables } from "../../lib/config.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { compareGraphs } from "../shop/compare.ts";
import { expectedGraph } from "../shop/expectation.ts";
import { asPosted, asReceived, forGraph, shopEvents } from "../shop/generator.ts";
import { dumpGraph, graphDriver } from "../shop/graph.ts";
import { postAll, type Posted } from "../shop/post.ts";
import { countApplied } from "../shop/proofs.ts";
import { depths, ready } from "../shop/queues.ts";
import { startHost, untilReady, type HostProcess } from "./host-process.ts";
import { newVhost, until } from "./rabbit-vhost.ts";

const QUEUE = "events.neo4j";
/** Who takes events in and projects them; what others make of them is their own tests' matter. */
const FUNCTIONS = ["ingest", "neo4j-projector"];
/** Of the host's log, shown when a test fails. */
const LAST_LINES = 60;

/** Shops whose events are posted to a real ingest and projected by real workers, while something breaks. */
export type LiveShop = {
  host: HostProcess;
  /** Posts all events, as fast as they are answered or `perSecond`; resolves when all are accepted. */
  post: (options: { perSecond?: number }) => Promise<Posted>;
  /** How many different events are in the graph. */
  applied: () => Promise<number>;
  /** Messages that wait in the work queue. */
  waiting: () => Promise<number>;
  /** Messages of the log by outcome; those that are simply done are not there. */
  outcomes: () => Record<string, number>;
  /** A counter of the projector's, by the index of its worker. */
  counter: (name: string) => Promise<Record<string, number>>;
  /** Waits until everything is applied and settled, stops the host, and says what is left. */
  finish: () => Promise<Finished>;
  close: () => Promise<void>;
};

type Finished = {
  /** Of the host. */
  exit: number | null;
  /** Between the graph and the one expected. */
  differences: string[];
  /** Messages by queue, where there are any: work, retry, dead letters, unconsumed. */
  left: Record<string, number>;
};

/** What a run without any loss, repeat or leftover ends with. */
export const EXACT: Finished = { exit: 0, differences: [], left: {} };

/** Tenants, vhost, keys and host of its own. `env` goes over the environment of the tests' services. */
export async function openShop({
  events,
  args,
  env = {},
}: {
  events: number;
  args: string[];
  env?: Record<string, string>;
}): Promise<LiveShop> {
  const { RETRY_DELAYS: retryDelays } = readConfig(
    z.object({ RETRY_DELAYS: variables.RETRY_DELAYS }),
    environment,
  );
  const run = `kill-${randomUUID().slice(0, 8)}-`;
  const history = {
    tenants: [`${run}1`, `${run}2`],
    events,
    seed: 1,
    endsAt: Date.now(),
  };
  const happened = forGraph(shopEvents(history));
  const folder = await mkdtemp(join(tmpdir(), "warren-shop-"));
  const file = join(folder, "keys.json");
  const keys = new Map<string, string>();
  for (const tenant of history.tenants) keys.set(tenant, await createKey(fileStore(file), tenant));

  const vhost = await newVhost();
  const { url, managementUrl } = vhost;
  const consumers = (await readConsumers()).filter(({ queue }) => queue === QUEUE);
  const topology = topologyOf({ consumers, retryDelays });
  await applyTopology({ url, managementUrl, topology });
  const driver = graphDriver();
  const posting = new AbortController();
  const host = startHost([...FUNCTIONS, "--admin-port", "0", "--bind", "127.0.0.1", ...args], {
    ...environment,
    RABBITMQ_URL: url,
    API_KEYS_FILE: file,
    PORT: "0",
    ...env,
  });
  onTestFailed(() => {
    const said = host.lines().filter(({ outcome }) => outcome !== "duplicate");
    console.log(
      said
        .slice(-LAST_LINES)
        .map((line) => JSON.stringify(line))
        .join("\n"),
    );
  });
  const applied = () => countApplied(driver, run);
  const waiting = () => ready(url, QUEUE);

  async function finish(): Promise<Finished> {
    await until(
      "all events are applied",
      async () => (await applied()) === happened.length,
      60_000,
      // Each look counts thousands of proofs.
      250,
    );
    const isEmpty = async () => [...(await depths({ url, managementUrl })).values()].every(isZero);
    await until("all deliveries are settled", isEmpty, 60_000);
    host.process.kill("SIGTERM");
    const exit = await host.exit;

    const graph = await dumpGraph(driver, history.tenants);
    const { differences } = compareGraphs(expectedGraph(asReceived(happened)), graph);
    const left: Record<string, number> = {};
    for (const queue of (await depths({ url, managementUrl })).keys()) {
      const count = await ready(url, queue);
      if (count > 0) left[queue] = count;
    }
    return { exit, differences, left };
  }

  async function close(): Promise<void> {
    posting.abort(new Error("the test is over"));
    const { exitCode, signalCode } = host.process;
    if (exitCode === null && signalCode === null) {
      host.process.kill("SIGTERM");
      await once(host.process, "exit");
    }
    await driver.close();
    await vhost.remove();
    await rm(folder, { recursive: true });
  }

  try {
    await untilReady(host);
  } catch (error) {
    await close();
    throw error;
  }
  const ingest = (await host.status())?.functions["ingest"]?.url ?? "";
  return {
    host,
    post: (options) =>
      postAll({
        url: ingest,
        keys,
        events: asPosted(happened, { duplicates: 0.1, disorder: 0.2, seed: 1 }),
        concurrency: 20,
        signal: posting.signal,
        ...options,
      }),
    applied,
    waiting,
    outcomes() {
      const counts: Record<string, number> = {};
      for (const { outcome } of host.lines()) {
        if (typeof outcome === "string") counts[outcome] = (counts[outcome] ?? 0) + 1;
      }
      return counts;
    },
    async counter(name) {
      const text = await (await host.fetch("/metrics")).text();
      const found = text.matchAll(
        new RegExp(`^${name}{.*worker="neo4j-projector-(\\d+)".*} (\\d+)$`, "gm"),
      );
      return Object.fromEntries([...found].map(([, index, value]) => [index, Number(value)]));
    },
    finish,
    close,
  };
}

function isZero(count: number): boolean {
  return count === 0;
}
