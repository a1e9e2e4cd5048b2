import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  end,
  isOutdated,
  launch,
  memoryOf,
  remembered,
  running,
  signalGroup,
  untilReady,
} from "./processes.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "warren-process-"));
});

afterEach(async () => {
  await end(folder, 0);
  await rm(folder, { recursive: true });
});

function start(script: string): Promise<void> {
  return launch({ folder, command: "sh", args: ["-c", script], env: process.env });
}

/** Starts a process with one child in its group, and returns the child's pid. */
async function startWithChild(): Promise<number> {
  await start(`sleep 60 & echo $! > ${file("child")}; wait`);
  // The shell creates the file before it writes the pid.
  const child = async () => Number(await readFile(file("child"), "utf8"));
  await untilReady(folder, "it", async () => (await child()) > 0, 1_000);
  return child();
}

test("a process is found by its folder until it is ended", async () => {
  await start("exec sleep 60");
  const pid = await running(folder);
  expect(pid).toBeGreaterThan(1);

  await end(folder, 1_000);
  expect(await running(folder)).toBe(undefined);
  expect(await remembered(folder)).toBe(false);
  expect(isAlive(pid!)).toBe(false);
});

test("the memory of an instance is that of its processes and of their children", async () => {
  expect(await memoryOf(folder)).toBe(0);
  const host = join(folder, "host");
  const server = join(folder, "service/server");
  const sh = (at: string, script: string) =>
    launch({ folder: at, command: "sh", args: ["-c", script], env: process.env });
  try {
    await sh(host, "exec sleep 60");
    await untilReady(host, "it", async () => (await memoryOf(folder)) > 0, 1_000);
    const one = await memoryOf(folder);
    await sh(server, "sleep 60 & sleep 60 & exec sleep 60");
    await untilReady(server, "it", async () => (await memoryOf(folder)) > 2.5 * one, 1_000);
  } finally {
    await Promise.all([end(host, 0), end(server, 0)]);
  }
  expect(await memoryOf(folder)).toBe(0);
});

test("a process is outdated once it would be started by another command", async () => {
  expect(await isOutdated(folder, { command: "sh", args: [] })).toBe(false);

  await start("exec sleep 60");
  expect(await isOutdated(folder, { command: "sh", args: ["-c", "exec sleep 60"] })).toBe(false);
  expect(await isOutdated(folder, { command: "sh", args: ["-c", "exec sleep 61"] })).toBe(true);
});

test("a pid that went to a stranger meanwhile is neither found nor ended", async () => {
  await start("exec sleep 60");
  const pid = await running(folder);
  const record = join(folder, "process.json");
  const identity = JSON.parse(await readFile(record, "utf8")) as { started: string };
  await writeFile(record, JSON.stringify({ ...identity, started: `${identity.started}1` }));

  expect(await running(folder)).toBe(undefined);
  await end(folder, 1_000);
  expect(isAlive(pid!)).toBe(true);
  process.kill(pid!, "SIGKILL");
});

test("what does not heed SIGTERM is killed after the grace time", async () => {
  await start(
    "trap '' TERM; touch deaf; while :; do sleep 0.02; done".replace("deaf", file("deaf")),
  );
  await untilReady(folder, "it", () => isThere("deaf"), 1_000);
  const pid = await running(folder);

  await end(folder, 50);
  expect(isAlive(pid!)).toBe(false);
});

test("what its leader left in the group is ended, also when the leader was killed", async () => {
  const child = await startWithChild();
  process.kill((await running(folder))!, "SIGKILL");
  while ((await running(folder)) !== undefined) await sleep(5);
  expect(isAlive(child)).toBe(true);

  await end(folder, 1_000);
  expect(isAlive(child)).toBe(false);
});

test("a signal reaches the whole group", async () => {
  const child = await startWithChild();

  await signalGroup(folder, "SIGKILL");
  while ((await running(folder)) !== undefined || isAlive(child)) await sleep(5);
  expect(await remembered(folder)).toBe(true);
});

test("a process that dies while it starts is reported with the end of its log", async () => {
  await start("echo port 5672 is taken >&2; exit 1");
  await expect(untilReady(folder, "RabbitMQ", async () => false, 1_000)).rejects.toThrow(
    /^RabbitMQ ended while it started.*\nport 5672 is taken$/s,
  );
});

test("a process that is never ready is reported once its time is up", async () => {
  await start("exec sleep 60");
  await expect(untilReady(folder, "Neo4j", async () => false, 100)).rejects.toThrow(
    "Neo4j is not ready after 0.1 s",
  );
});

test("what it waits for in vain is reported at once", async () => {
  await start("echo connecting; exec sleep 60");
  const obstacle = async () => "Redis has ended";
  await expect(untilReady(folder, "it", async () => false, 60_000, obstacle)).rejects.toThrow(
    /^it cannot become ready: Redis has ended\. The end of/,
  );
});

test("the log of the run before is kept", async () => {
  await start("echo first");
  while ((await running(folder)) !== undefined) await sleep(5);
  await start("echo second; exec sleep 60");
  expect(await readFile(file("log.1"), "utf8")).toBe("first\n");
});

test("a command that is not there is an error, and leaves nothing to end", async () => {
  const none = { folder, command: "no-such-command", args: [], env: process.env };
  await expect(launch(none)).rejects.toThrow("ENOENT");
  expect(await remembered(folder)).toBe(false);
});

function file(name: string): string {
  return join(folder, name);
}

async function isThere(name: string): Promise<boolean> {
  return (await readFile(file(name), "utf8").catch(() => undefined)) !== undefined;
}

/** A process that ended but that nobody has waited for (Z) is not alive. */
function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
