import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "../../infra/service/ports.ts";

const ROOT = join(import.meta.dirname, "../..");
const PLUGIN = "serverless-offline-rabbitmq";
const run = promisify(execFile);

/** A running `serverless offline` in a folder of its own. */
export type OfflineProcess = {
  process: ChildProcess;
  /** Of its HTTP API. */
  url: string;
  /** What it printed so far. */
  output: () => string;
  /** The code, once it ends. */
  exit: Promise<number | null>;
};

export type OfflineService = {
  start: (command: string[], env: Record<string, string>) => Promise<OfflineProcess>;
  /** Replaces a file of the service. */
  write: (name: string, text: string) => Promise<void>;
  /** What its functions wrote with `record(object)`. */
  records: () => Promise<Record<string, unknown>[]>;
  /** Ends what still runs, and deletes it. */
  remove: () => Promise<void>;
};

/**
 * A project as a stranger has it: plain JavaScript, and in node_modules the framework, serverless-offline, and
 * our plugin as npm would install it.
 */
export async function offlineService(files: Record<string, string>): Promise<OfflineService> {
  const root = await mkdtemp(join(tmpdir(), "stranger-"));
  const processes: ChildProcess[] = [];
  const recordFile = join(root, "records");
  await writeFile(recordFile, "");
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text);
  await installInto(root);

  return {
    async start(command, env) {
      const running = await startOffline(root, command, {
        HOME: root,
        RECORDS: recordFile,
        ...env,
      });
      processes.push(running.process);
      return running;
    },
    write: (name, text) => writeFile(join(root, name), text),
    async records() {
      const lines = (await readFile(recordFile, "utf8")).split("\n").slice(0, -1);
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    async remove() {
      for (const child of processes) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      }
      await rm(root, { recursive: true });
    },
  };
}

/** `serverless offline` in a folder that has it, on free ports. It runs until it is ended. */
export async function startOffline(
  cwd: string,
  command: string[],
  env: Record<string, string>,
): Promise<OfflineProcess> {
  const [http = 0, lambda = 0] = await freePorts(2);
  const ports = ["--httpPort", `${http}`, "--lambdaPort", `${lambda}`, "--host", "127.0.0.1"];
  const serverless = join(cwd, "node_modules/serverless/bin/serverless.js");
  const child = spawn(process.execPath, [serverless, ...command, ...ports], {
    cwd,
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  }
  const exit = once(child, "exit").then(([code]) => code as number | null);
  return { process: child, url: `http://127.0.0.1:${http}`, output: () => output, exit };
}

/** For the functions of a service: plain CommonJS. */
export const PRELUDE = `
  const { appendFileSync } = require("node:fs");
  const record = (one) => appendFileSync(process.env.RECORDS, JSON.stringify(one) + "\\n");
  const recordsOf = (event) => Object.values(event.rmqMessagesByQueue).flat();
  const bodiesOf = (event) => recordsOf(event).map(({ data }) => Buffer.from(data, "base64").toString());
`;

async function installInto(root: string): Promise<void> {
  const modules = join(root, "node_modules");
  await mkdir(join(modules, PLUGIN), { recursive: true });
  const packed = ["pack", "--silent", "--pack-destination", root, join(ROOT, "infra/offline")];
  const { stdout } = await run("npm", packed, { cwd: root, timeout: 60_000 });
  const tarball = join(root, stdout.trim().split("\n").at(-1)!);
  await run("tar", ["xzf", tarball, "-C", join(modules, PLUGIN), "--strip-components=1"]);
  for (const name of ["serverless", "serverless-offline", "amqplib"]) {
    await symlink(join(ROOT, "node_modules", name), join(modules, name));
  }
}
