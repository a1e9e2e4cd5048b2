import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { exit } from "../cli/errors.ts";
import { notes } from "../cli/help.ts";
import { readOwn, writeSecret } from "../service/files.ts";
import { stopHost, withoutAliases } from "./host.ts";
import { DEV, findService, ROOT, stopService } from "../service/instance.ts";
import { planOf } from "./plan.ts";
import { type ServiceName, serviceNames, services } from "./services.ts";
import { ensureDefaultKey, keysFileOf } from "./keys.ts";
import { locked } from "../service/lock.ts";
import { findOffline, FOLDER, SETTINGS, settings } from "./offline-process.ts";
import { portsFor } from "../service/ports.ts";
import type { Address } from "../service/service.ts";
import { curlLine, startAll } from "./start.ts";

const SERVERLESS = join(ROOT, "node_modules/serverless/bin/serverless.js");
const START_MS = 120_000;
/** The process gives a batch 6 s to finish and its servers 5 s to close. */
const GRACE_MS = 20_000;

/** `warren offline` */
export function define(command: Command): void {
  command
    .addHelpText("after", notes("warren offline", { PORT: "port of ingest (default: a free one)" }))
    .action(async () => exit(await offline()));
}

/**
 * Runs `serverless offline` with the services of `warren start`, starting those that do not run. First
 * stops the container host: otherwise two triggers would share a queue's messages. Returns when a signal or an
 * error ends the process, after stopping the services that it started.
 */
async function offline(): Promise<number> {
  const other = await findOffline();
  if (other !== undefined) {
    console.error(`serverless offline already runs: ${other.url}, process ${other.pid}.`);
    return 1;
  }
  const env = { ...process.env };
  const ended = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => ended.abort());
  const before = await alive();
  try {
    const environment = await locked(DEV, () => prepared(env));
    if (environment === undefined) return 1;
    if (ended.signal.aborted) return 0;
    return await serve({ environment, env, end: ended.signal });
  } finally {
    const started = (await alive()).filter((name) => !before.includes(name));
    await locked(DEV, () => Promise.all(started.map((name) => stopService(DEV, services[name]))));
  }
}

async function alive(): Promise<ServiceName[]> {
  const found = await Promise.all(serviceNames.map((name) => findService(DEV, services[name])));
  return serviceNames.filter((_, index) => found[index]?.alive);
}

/** The environment of the functions; undefined if a service did not start. */
async function prepared(env: NodeJS.ProcessEnv): Promise<Address | undefined> {
  let environment: Address | undefined;
  const functions = {
    title: "Container host ends",
    async start(directory: string, given: { environment: Address }) {
      await stopHost(directory);
      environment = given.environment;
    },
  };
  const plan = await planOf([], env);
  return (await startAll(DEV, { plan, env }, functions)) ? environment : undefined;
}

async function serve({
  environment,
  env,
  end,
}: {
  environment: Address;
  env: NodeJS.ProcessEnv;
  end: AbortSignal;
}): Promise<number> {
  const last = await readOwn(SETTINGS, settings);
  const ports = await portsFor(["http", "lambda"], last?.ports);
  if (environment["PORT"]) ports.http = Number(environment["PORT"]);

  const child = start(ports, { ...withoutAliases(env), ...environment });
  const exit = once(child, "exit") as Promise<[number | null]>;
  await writeSecret(SETTINGS, JSON.stringify({ ports, pid: child.pid }));
  await copyOutput(child);
  const stop = () => {
    child.kill("SIGTERM");
    setTimeout(() => child.kill("SIGKILL"), GRACE_MS).unref();
  };
  if (end.aborted) stop();
  else end.addEventListener("abort", stop);

  void exit.then(() => rm(SETTINGS));
  const url = `http://127.0.0.1:${ports.http}`;
  if (await answers(url, child, end)) {
    const key = await ensureDefaultKey(DEV, keysFileOf(DEV, env));
    console.log(`\nTry it:\n\n${curlLine({ url, key })}\n`);
  }
  const [code] = await exit;
  return code ?? 1;
}

function start(ports: { http: number; lambda: number }, env: NodeJS.ProcessEnv): ChildProcess {
  const listen = ["--host", "127.0.0.1", "--httpPort", `${ports.http}`];
  const args = [
    "offline",
    "start",
    "--stage",
    "local",
    ...listen,
    "--lambdaPort",
    `${ports.lambda}`,
  ];
  return spawn(process.execPath, [SERVERLESS, ...args], {
    cwd: ROOT,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Writes to the terminal, and to a file that other processes can read. */
async function copyOutput({ stdout, stderr }: ChildProcess): Promise<void> {
  await mkdir(FOLDER, { recursive: true, mode: 0o700 });
  const log = createWriteStream(join(FOLDER, "log"), { mode: 0o600 });
  for (const [from, to] of [
    [stdout, process.stdout],
    [stderr, process.stderr],
  ] as const) {
    from?.pipe(to, { end: false });
    from?.pipe(log, { end: false });
  }
}

/** Whether ingest answers before the process ends. A request without a key gets 401. */
async function answers(url: string, child: ChildProcess, end: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + START_MS;
  while (child.exitCode === null && child.signalCode === null && !end.aborted) {
    if (performance.now() > deadline) {
      console.error(`ingest does not answer after ${START_MS / 1_000} s`);
      return false;
    }
    const signal = AbortSignal.timeout(10_000);
    const asked = fetch(`${url}/events`, { method: "POST", signal }).catch(() => undefined);
    if ((await asked)?.status === 401) return true;
    await sleep(250);
  }
  return false;
}
