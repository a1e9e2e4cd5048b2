/**
 * What crashes cost: one worker of the host projects a backlog into Neo4j, undisturbed, killed once
 * (SIGKILL) and killed every 6 ± 2 s. Asserts that each event counts once. Aims: at full speed again 5 s after a
 * kill; with kills every 6 s at least half of the undisturbed rate. `EVENTS` sets the backlog, `LEDGER`
 * the ledger (default: redis).
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import neo4j from "neo4j-driver";
import { v7 as uuidv7 } from "uuid";
import { accepts } from "../functions/neo4j-projector/accepts.ts";
import { chunksOf } from "../lib/async/in-parallel.ts";
import { redisClient } from "../lib/ledger/redis-client.ts";
import { withChannel } from "../lib/rabbit/connection.ts";
import { type HostProcess, startHost, untilReady } from "../tests/integration/host-process.ts";
import { fill } from "./consume.ts";
import { printMachine, printTable } from "./report.ts";
import { localServices } from "./services.ts";
import { benchVhost } from "./vhost.ts";

const FUNCTION = "neo4j-projector";
const QUEUE = "events.neo4j";
const EVENTS = Number(process.env["EVENTS"] ?? 20_000);
const LEDGER = process.env["LEDGER"] ?? "redis";
const START = Date.now();
/** Full speed: so much of the undisturbed rate, over so long. */
const FULL = 0.8;
const OVER_MS = 2_000;

const services = await localServices();
const { url, user, password } = services.neo4j;
const vhost = await benchVhost(services.rabbitmq, [{ queue: QUEUE, accepts }]);
const driver = neo4j.driver(url, neo4j.auth.basic(user, password), {
  disableLosslessIntegers: true,
});

type Drain = {
  seconds: number;
  /** When a worker was killed, ms from the start of the drain. */
  kills: number[];
  /** Messages that have left the queue for good, over time. */
  progress: { at: number; taken: number }[];
};

try {
  await drain(EVENTS / 2, () => undefined);
  const calm = await drain(EVENTS, () => undefined);
  const calmRate = EVENTS / calm.seconds;
  const single = await drain(EVENTS, (kills) =>
    kills === 0 ? (calm.seconds * 1_000) / 3 : undefined,
  );
  const many = await drain(EVENTS, () => 4_000 + 4_000 * Math.random());
  report({ calm, single, many }, calmRate);
} finally {
  await driver.close();
  await vhost.remove();
  await forgetRows();
}

/** `nextKill` is told how many there were, and returns when the next one follows, in ms. */
async function drain(
  count: number,
  nextKill: (kills: number) => number | undefined,
): Promise<Drain> {
  const tenant = `bench-${randomUUID()}`;
  const messages = Array.from({ length: count }, (_, index) => viewed(tenant, index));
  // The host starts with an empty queue: its start is not part of the drain.
  const host = startHost([FUNCTION, "--admin-port", "0"], environment());
  await untilReady(host);
  process.kill((await workerOf(host))!, "SIGSTOP");
  await fill(vhost, { queue: QUEUE, messages });
  process.kill((await workerOf(host))!, "SIGCONT");

  const ended = new AbortController();
  const began = performance.now();
  const kills: number[] = [];
  const killing = killAgain(host, { began, kills, nextKill, ended: ended.signal });
  const progress = await watch(count, tenant, began);
  const seconds = (performance.now() - began) / 1_000;
  ended.abort();
  await killing;
  host.process.kill("SIGTERM");
  await host.exit;
  const effects = await effectsOf(tenant);
  if (effects.views !== count || effects.pairs !== count) {
    throw new Error(`${count} events were counted as ${JSON.stringify(effects)}`);
  }
  return { seconds, kills, progress };
}

async function killAgain(
  host: HostProcess,
  {
    began,
    kills,
    nextKill,
    ended,
  }: {
    began: number;
    kills: number[];
    nextKill: (kills: number) => number | undefined;
    ended: AbortSignal;
  },
): Promise<void> {
  for (;;) {
    const ms = nextKill(kills.length);
    if (ms === undefined) return;
    await sleep(ms, undefined, { signal: ended }).catch(() => undefined);
    if (ended.aborted) return;
    const pid = await workerOf(host);
    if (pid === undefined) continue;
    process.kill(pid, "SIGKILL");
    kills.push(performance.now() - began);
  }
}

async function workerOf(host: HostProcess): Promise<number | undefined> {
  return (await host.status())?.functions[FUNCTION]?.pids?.[0];
}

/** Until all effects are there. */
async function watch(count: number, tenant: string, began: number): Promise<Drain["progress"]> {
  const progress: Drain["progress"] = [];
  let fewest = count;
  await withChannel({ url: vhost.url, name: "bench watch" }, async (channel) => {
    while ((await effectsIfEmpty()) < count) await sleep(50);

    async function effectsIfEmpty(): Promise<number> {
      const { messageCount } = await channel.checkQueue(QUEUE);
      // What a killed worker had comes back to the queue: that it is taken again is no progress.
      fewest = Math.min(fewest, messageCount);
      progress.push({ at: performance.now() - began, taken: count - fewest });
      return fewest > 0 ? 0 : (await effectsOf(tenant)).views;
    }
  });
  return progress;
}

/** Each pair of user and product is viewed once, so that both figures are the number of events. */
async function effectsOf(tenant: string): Promise<{ views: number; pairs: number }> {
  const { records } = await driver.executeQuery(
    "MATCH (:User {tenant_id: $tenant})-[r:VIEWED]->() RETURN sum(r.count) AS views, count(r) AS pairs",
    { tenant },
  );
  return records[0]!.toObject() as { views: number; pairs: number };
}

function viewed(tenant_id: string, index: number): object {
  return {
    id: `evt_${uuidv7({ msecs: START + index })}`,
    type: "interaction.viewed",
    source: "bench",
    timestamp: new Date().toISOString().replace("Z", "000Z"),
    tenant_id,
    data: {
      user_id: `user-${index % 10_000}`,
      product_id: `product-${(index + Math.floor(index / 10_000)) % 2_000}`,
      user_session: "26dd6e6e-4dac-4778-8d2c-92e149dab885",
    },
    metadata: { version: "1.0" },
  };
}

function environment(): Record<string, string> {
  const passed = Object.entries(process.env).filter(([name]) => /^AWS_|^LOG_LEVEL$/.test(name));
  return {
    ...(Object.fromEntries(passed) as Record<string, string>),
    LEDGER,
    ...(LEDGER === "redis" && { REDIS_URL: services.redis.url }),
    ...(LEDGER === "dynamodb" && { LEDGER_TABLE: services.dynamodb.ledgerTable }),
    RABBITMQ_URL: vhost.url,
    NEO4J_URL: url,
    NEO4J_USER: user,
    NEO4J_PASSWORD: password,
    RETRY_DELAYS: "5s",
  };
}

/** From a kill until the rate is that of the undisturbed drain again, s; undefined if it never is. */
function untilFullSpeed({ kills, progress }: Drain, calmRate: number): number[] {
  return kills.map((kill, index) => {
    const end = kills[index + 1] ?? Infinity;
    const after = progress.filter(({ at }) => at >= kill && at < end);
    const full = after.find(({ at, taken }) => {
      const later = after.find((one) => one.at >= at + OVER_MS);
      return later && ((later.taken - taken) / (later.at - at)) * 1_000 >= FULL * calmRate;
    });
    return full === undefined ? NaN : (full.at - kill) / 1_000;
  });
}

function report(drains: Record<"calm" | "single" | "many", Drain>, calmRate: number): void {
  printMachine(["neo4j-driver", "amqplib"], {
    RabbitMQ: new URL(services.rabbitmq.url).host,
    Neo4j: url,
    ledger: LEDGER,
  });
  const names = { calm: "undisturbed", single: "killed once", many: "killed every 6 ± 2 s" };
  printTable(
    [`${EVENTS} events, one worker`, "seconds", "events/s", "of undisturbed", "full speed after"],
    Object.entries(drains).map(([name, each]) => [
      names[name as keyof typeof names],
      each.seconds.toFixed(1),
      (EVENTS / each.seconds).toFixed(0),
      (EVENTS / each.seconds / calmRate).toFixed(2),
      untilFullSpeed(each, calmRate)
        .map((seconds) => (Number.isNaN(seconds) ? "–" : `${seconds.toFixed(1)} s`))
        .join(", "),
    ]),
  );
  console.log("Each event was counted exactly once.");
}

/** Otherwise they would stay in Redis for 30 days. */
async function forgetRows(): Promise<void> {
  const { run, close } = redisClient(services.redis.url);
  const names = await run((redis) => redis.keys(`ledger#*#bench-*`));
  for (const chunk of chunksOf(10_000, names)) await run((redis) => redis.unlink(chunk));
  close();
}
