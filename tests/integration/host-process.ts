import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Status } from "../../lib/host/admin.ts";
import { until } from "./rabbit-vhost.ts";

const CLI = join(import.meta.dirname, "../../cli.ts");

/** A running `warren host` in a folder of its own. */
export type HostProcess = {
  process: ChildProcess;
  /** Its log so far, one object a line; other lines are `{ text }`. */
  lines: () => Record<string, unknown>[];
  status: () => Promise<Status | undefined>;
  fetch: (path: string) => Promise<Response>;
  /** The code, once it ends. */
  exit: Promise<number | null>;
};

export type Folder = {
  start: (args: string[], env: Record<string, string>) => HostProcess;
  /** The folder's own records, one object a line, written by its functions. */
  records: () => Promise<Record<string, unknown>[]>;
  remove: () => Promise<void>;
};

/**
 * A folder with a serverless.yml and modules of its own; each function module may `record(object)`.
 * Hosts that still run are killed when it is removed.
 */
export async function hostFolder(
  serverless: string,
  modules: Record<string, string>,
): Promise<Folder> {
  const root = await mkdtemp(join(tmpdir(), "warren-host-"));
  const recordFile = join(root, "records");
  const hosts: ChildProcess[] = [];
  const prelude = `
    import { appendFileSync } from "node:fs";
    const record = (one) =>
      appendFileSync(${JSON.stringify(recordFile)}, JSON.stringify({ pid: process.pid, ...one }) + "\\n");
    const bodiesOf = (event) => Object.values(event.rmqMessagesByQueue).flat()
      .map(({ data }) => Buffer.from(data, "base64").toString());
  `;
  await writeFile(join(root, "serverless.yml"), serverless);
  await writeFile(recordFile, "");
  for (const [name, code] of Object.entries(modules)) {
    await writeFile(join(root, `${name}.ts`), `${prelude}${code}`);
  }

  return {
    start(args, env) {
      const host = startHost(["--root", root, ...args], env);
      hosts.push(host.process);
      return host;
    },
    records: async () => linesOf(await readFile(recordFile, "utf8")),
    async remove() {
      for (const child of hosts) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill("SIGTERM");
        await once(child, "exit");
      }
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** `warren host` with these arguments and this environment alone. It runs until it is ended. */
export function startHost(args: string[], env: Record<string, string>): HostProcess {
  const child = spawn(process.execPath, [CLI, "host", ...args], {
    env: {
      PATH: process.env["PATH"],
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  }
  const lines = () => linesOf(output);
  let admin: unknown;
  const url = () => (admin ??= lines().find(({ msg }) => msg === "admin")?.["url"]);
  const ask = (path: string) =>
    fetch(`${url() as string}${path}`, { signal: AbortSignal.timeout(5_000) });
  return {
    process: child,
    lines,
    fetch: ask,
    async status() {
      if (url() === undefined) return undefined;
      return (await (await ask("/status")).json()) as Status;
    },
    exit: once(child, "exit").then(([code]) => code as number | null),
  };
}

/** A dozen workers that load at once take half a minute on a busy machine. */
const READY_MS = 60_000;

export async function untilReady(host: HostProcess, ms = READY_MS): Promise<void> {
  await until("the host is ready", async () => (await host.status())?.ready === true, ms);
}

function linesOf(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => (line.startsWith("{") ? JSON.parse(line) : { text: line }));
}
