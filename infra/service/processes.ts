import { spawn } from "node:child_process";
import { closeSync, globSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { shiftLogs } from "../../lib/host/log-file.ts";
import { lastLines } from "./files.ts";

/** A process that outlives its parent. `process.json` in its folder identifies it; `log` has its output. */
export type Launch = {
  folder: string;
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd?: string;
};

type Identity = {
  /** Also the id of its process group, which launch() creates. */
  pid: number;
  /** Start time and boot: the kernel may have given the pid to another process since. */
  started: string;
  command: string;
};

/** Starts a process in a new session, so that it survives the terminal. */
export async function launch({ folder, command, args, env, cwd }: Launch): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Keep the former log for a few starts: it says why the process ended.
  shiftLogs(logOf(folder));
  const log = openSync(logOf(folder), "a", 0o600);
  const child = spawn(command, [...args], {
    detached: true,
    stdio: ["ignore", log, log],
    env,
    ...(cwd !== undefined && { cwd }),
  });
  closeSync(log);
  // In the same tick: if this process is killed later, the record already exists.
  if (child.pid !== undefined) remember(folder, child.pid, commandOf({ command, args }));
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve).once("error", reject);
  });
  child.unref();
}

/** Whether a process was started there and not stopped since, alive or dead. */
export async function remembered(folder: string): Promise<boolean> {
  return (await recall(folder)) !== undefined;
}

/** Whether the folder's process was started with another command than this one. */
export async function isOutdated(folder: string, wanted: Pick<Launch, "command" | "args">) {
  const identity = await recall(folder);
  return identity !== undefined && identity.command !== commandOf(wanted);
}

function commandOf({ command, args }: Pick<Launch, "command" | "args">): string {
  return [command, ...args].join(" ");
}

/** The pid of the folder's process if it still runs. */
export async function running(folder: string): Promise<number | undefined> {
  const identity = await recall(folder);
  return identity && startOf(identity.pid) === identity.started ? identity.pid : undefined;
}

/** Resident memory, MB, of the processes in the folders of an instance, and of their groups. */
export async function memoryOf(directory: string): Promise<number> {
  const files = globSync(["*/process.json", "*/*/process.json"], { cwd: directory });
  const records = await Promise.all(files.map((file) => recall(join(directory, dirname(file)))));
  const pids = records.flatMap((identity) => (identity === undefined ? [] : groupOf(identity)));
  return pids.map(residentKb).reduce((sum, kb) => sum + kb, 0) / 1_024;
}

/** Sends SIGTERM, then SIGKILL after `graceMs`, to the process and the rest of its process group. */
export async function end(folder: string, graceMs: number): Promise<void> {
  const identity = await recall(folder);
  if (identity === undefined) return;
  const { pid, started } = identity;
  if (startOf(pid) === started) {
    signal(pid, "SIGTERM");
    await until(() => startOf(pid) !== started, graceMs);
  }
  for (const member of groupOf(identity)) signal(member, "SIGKILL");
  await until(() => groupOf(identity).length === 0, 10_000);
  await rm(recordOf(folder), { force: true });
}

/** Sends a signal to the folder's process and its group: SIGKILL for a crash, SIGSTOP for a freeze. */
export async function signalGroup(folder: string, name: NodeJS.Signals): Promise<void> {
  const identity = await recall(folder);
  if (identity === undefined) return;
  for (const member of groupOf(identity)) signal(member, name);
  if (name === "SIGKILL") await until(() => groupOf(identity).length === 0, 10_000);
}

/**
 * Waits until `check` is true. Throws with the end of the log when the process dies, the time is up, or
 * `obstacle` returns a reason why `check` can never become true.
 */
export async function untilReady(
  folder: string,
  title: string,
  check: () => Promise<boolean>,
  deadlineMs: number,
  obstacle: () => Promise<string | undefined> = () => Promise.resolve(undefined),
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  const problem = async () => {
    if ((await running(folder)) === undefined) return "ended while it started";
    if (performance.now() > deadline) return `is not ready after ${deadlineMs / 1_000} s`;
    const why = await obstacle();
    return why && `cannot become ready: ${why}`;
  };
  while (!(await check().catch(() => false))) {
    const what = await problem();
    if (what !== undefined) {
      const tail = lastLines(readFileSync(logOf(folder), "utf8"), 15);
      throw new Error(`${title} ${what}. The end of ${logOf(folder)}:\n${tail}`);
    }
    await sleep(100);
  }
}

export function logOf(folder: string): string {
  return join(folder, "log");
}

function recordOf(folder: string): string {
  return join(folder, "process.json");
}

function remember(folder: string, pid: number, command: string): void {
  const identity: Identity = { pid, command, started: startOf(pid) ?? "" };
  writeFileSync(recordOf(folder), JSON.stringify(identity));
}

async function recall(folder: string): Promise<Identity | undefined> {
  const text = await readFile(recordOf(folder), "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Identity);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // The group has already ended.
  }
}

async function until(check: () => boolean, ms: number): Promise<void> {
  const deadline = performance.now() + ms;
  while (!check() && performance.now() < deadline) await sleep(25);
}

/** The living processes of a group. Empty if the kernel gave the leader's pid to another process. */
function groupOf({ pid, started }: Identity): number[] {
  const leader = startOf(pid);
  if (leader !== undefined && leader !== started) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((member) => Number(statOf(member)?.[5 - 3]) === pid && isAfter(member, started));
}

/** A group outlives its leader. If it began before the leader, it is another group. */
function isAfter(pid: number, started: string): boolean {
  const [boot, ticks] = started.split("/");
  const [sameBoot, later] = startOf(pid)?.split("/") ?? [];
  return sameBoot === boot && Number(later) >= Number(ticks);
}

/**
 * Fields of /proc/<pid>/stat (proc(5)) after the command's name; `undefined` when the process has ended. A
 * zombie (Z) has ended once its other threads (field 20) have: until then they hold its ports.
 */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" && Number(fields[20 - 3]) <= 1 ? undefined : fields;
  } catch {
    return undefined;
  }
}

/** proc(5). 0 when the process has ended. */
function residentKb(pid: number): number {
  try {
    return Number(
      /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0,
    );
  } catch {
    return 0;
  }
}

/** proc(5): field 22 is the start time in ticks since boot, field 5 the process group. */
function startOf(pid: number): string | undefined {
  const ticks = statOf(pid)?.[22 - 3];
  return ticks === undefined ? undefined : `${bootOf()}/${ticks}`;
}

function bootOf(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
