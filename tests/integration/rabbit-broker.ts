import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { promisify } from "node:util";
import { DEV } from "../../infra/service/instance.ts";
import { releaseOf } from "../../infra/rabbitmq/release.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { freePort } from "./free-port.ts";
import { until } from "./rabbit-vhost.ts";

const release = releaseOf(process.env);
const cache = join(DEV, "jars");

/** Whether the broker is on this machine, so that a test can have one to kill. */
export const brokerInstalled =
  existsSync("/usr/lib/rabbitmq/bin/rabbitmq-server") || Boolean(process.env["RABBITMQ_VERSION"]);

export type Broker = {
  url: string;
  start: () => Promise<void>;
  /** As a power cut does it. */
  kill: () => Promise<void>;
  ctl: (...args: string[]) => Promise<void>;
  /** The last lines of its log, for a test that failed. */
  lastWords: () => Promise<string>;
  /** Ends it and deletes its files. */
  remove: () => Promise<void>;
};

/** A broker of one test file's own, on loopback. Dead lettering repeats a refused message after 1 s. */
export async function ownBroker(): Promise<Broker> {
  const folder = await mkdtemp(join(tmpdir(), "warren-broker-"));
  const home = release.home(folder);
  const seen = release.seen(home);
  const [port, distribution, epmd] = await Promise.all([freePort(), freePort(), freePort()]);
  const env = {
    PATH: process.env["PATH"],
    HOME: seen,
    RABBITMQ_MNESIA_BASE: join(seen, "mnesia"),
    RABBITMQ_LOG_BASE: join(seen, "log"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(seen, "enabled_plugins"),
    RABBITMQ_CONFIG_FILE: join(seen, "rabbitmq.conf"),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(seen, "advanced.config"),
    RABBITMQ_PID_FILE: join(seen, "pid"),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_NODENAME: `test${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: "127.0.0.1",
  };
  await mkdir(join(home, "log"), { recursive: true });
  await writeFile(join(home, "rabbitmq.conf"), `listeners.tcp.local = 127.0.0.1:${port}\n`);
  await writeFile(join(home, "enabled_plugins"), "[].\n");
  await writeFile(
    join(home, "advanced.config"),
    "[{rabbit, [{dead_letter_worker_publisher_confirm_timeout, 1000}]}].\n",
  );
  const url = `amqp://guest:guest@127.0.0.1:${port}`;
  const launchOf = (program: string, args: readonly string[]) =>
    release.run(program, args, { cache, home, env });
  async function run(program: string, args: readonly string[]): Promise<void> {
    const { command, args: all, env: own } = launchOf(program, args);
    await promisify(execFile)(command, [...all], { env: own, timeout: 60_000 });
  }
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    const { command, args, env: own } = launchOf("rabbitmq-server", []);
    server = spawn(command, [...args], { env: own, stdio: "ignore", detached: true });
    const answers = () =>
      withChannel({ url, name: "test start" }, async () => true).catch(() => false);
    await until("the broker answers", answers, 90_000);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (server?.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    // The whole group: the script and the virtual machine below it.
    process.kill(-server.pid, signal);
    await ended;
  }

  return {
    url,
    start,
    kill: () => end("SIGKILL"),
    ctl: (...args) => run("rabbitmqctl", args),
    async lastWords() {
      const logs = join(home, "log");
      const files = await readdir(logs);
      const texts = await Promise.all(files.map((file) => readFile(join(logs, file), "utf8")));
      return texts.join("\n").split("\n").slice(-100).join("\n");
    },
    async remove() {
      await end("SIGKILL");
      // Erlang's port mapper outlives its nodes.
      await run("epmd", ["-kill"]).catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}
