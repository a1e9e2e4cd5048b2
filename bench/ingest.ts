/**
 * Accepts events over real HTTP, compared with a bare Hono app that publishes the same bytes with confirms:
 * three interleaved rounds of each, 50 connections. Aim: at least 0.7 of the bare app's rate, and a p99 of
 * at most 1.5 times its p99.
 */
import { type ChildProcess, execFile, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { median, printMachine, printTable } from "./report.ts";
import { localServices } from "./services.ts";
import { type BenchVhost, benchVhost } from "./vhost.ts";

const QUEUE = "events.bench";
const KEY = "wk_bench";
const CONNECTIONS = 50;
const SECONDS = 8;
const ROUNDS = 3;

const EVENT = JSON.stringify({
  user_id: "user_123",
  product_id: "prod_456",
  event_type: "view",
  user_session: "26dd6e6e-4dac-4778-8d2c-92e149dab885",
});

type Round = { perSecond: number; p50: number; p99: number };

async function run(): Promise<void> {
  const { rabbitmq } = await localServices();
  const vhost = await benchVhost(rabbitmq, [{ queue: QUEUE, accepts: ["interaction.viewed"] }]);
  const folder = await mkdtemp(join(tmpdir(), "warren-bench-"));
  const keys = join(folder, "keys.json");
  const sha256 = createHash("sha256").update(KEY).digest("hex");
  const key = { sha256, tenant: "bench", created_at: new Date().toISOString() };
  await writeFile(keys, JSON.stringify({ keys: [key] }));
  const env = { ...process.env, RABBITMQ_URL: vhost.url, API_KEYS_FILE: keys, LOG_LEVEL: "warn" };

  const bare = await startServer("bare-ingest.ts", env);
  const warren = await startServer("warren-ingest.ts", env);
  const rounds = { bare: [] as Round[], warren: [] as Round[] };
  try {
    await fire(bare.url, vhost, 2);
    await fire(warren.url, vhost, 2);
    for (let round = 0; round < ROUNDS; round++) {
      rounds.bare.push(await fire(bare.url, vhost, SECONDS));
      rounds.warren.push(await fire(warren.url, vhost, SECONDS));
    }
  } finally {
    bare.process.kill();
    warren.process.kill();
    await vhost.remove();
    await rm(folder, { recursive: true });
  }

  const base = summary(rounds.bare);
  const ours = summary(rounds.warren);
  printMachine(["hono", "@hono/node-server", "amqplib", "autocannon"], {
    RabbitMQ: new URL(rabbitmq.url).host,
  });
  printTable(
    [`POST /events, ${CONNECTIONS} connections`, "accepted/s", "p50 ms", "p99 ms"],
    [
      row("bare Hono + confirms", base),
      row("Warren", ours),
      ["ratio", (ours.perSecond / base.perSecond).toFixed(2), "", (ours.p99 / base.p99).toFixed(2)],
    ],
  );
  console.log("Every 2xx was found in the queue.");
}

async function startServer(
  file: string,
  env: NodeJS.ProcessEnv,
): Promise<{ process: ChildProcess; url: string }> {
  const child = fork(new URL(file, import.meta.url), {
    env,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const signal = AbortSignal.timeout(20_000);
  const ended = once(child, "exit", { signal }).then(([code]) => {
    throw new Error(`${file} ended with ${code}`);
  });
  const [{ port }] = (await Promise.race([once(child, "message", { signal }), ended])) as [
    { port: number },
  ];
  ended.catch(() => {});
  return { process: child, url: `http://127.0.0.1:${port}/events` };
}

/** One round; throws unless every answer was 2xx and every accepted event is in the queue. */
async function fire(url: string, vhost: BenchVhost, seconds: number): Promise<Round> {
  await vhost.purge(QUEUE);
  const result = await load(url, seconds);
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${url}: ${result.non2xx} answers were not 2xx, ${result.errors} errors`);
  }
  const stored = await vhost.depth(QUEUE);
  // Requests in flight at the end were accepted, but not counted.
  if (stored < result["2xx"] || stored > result["2xx"] + CONNECTIONS) {
    throw new Error(`${url}: ${result["2xx"]} were accepted, ${stored} are in the queue`);
  }
  const { latency } = result;
  return { perSecond: result["2xx"] / result.duration, p50: latency.p50, p99: latency.p99 };
}

type Load = {
  "2xx": number;
  non2xx: number;
  errors: number;
  /** s */
  duration: number;
  /** ms */
  latency: { p50: number; p99: number };
};

/** Runs autocannon in a separate process, so that its work does not slow the server. */
async function load(url: string, seconds: number): Promise<Load> {
  const script = fileURLToPath(import.meta.resolve("autocannon"));
  const options = {
    method: "POST",
    connections: CONNECTIONS,
    duration: seconds,
    body: EVENT,
  };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const headers = ["content-type=application/json", `authorization=Bearer ${KEY}`];
  const headerFlags = headers.flatMap((header) => ["--headers", header]);
  const all = [script, "--json", "--no-progress", ...flags, ...headerFlags, url];
  const { stdout } = await promisify(execFile)(process.execPath, all);
  return JSON.parse(stdout) as Load;
}

function summary(rounds: readonly Round[]): Round {
  return median(rounds, ({ perSecond }) => perSecond);
}

function row(name: string, { perSecond, p50, p99 }: Round): string[] {
  return [name, perSecond.toFixed(0), p50.toFixed(1), p99.toFixed(1)];
}

await run();
