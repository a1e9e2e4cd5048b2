import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A process that outlives us: `process.json` in its folder tells it, `log` holds what it says. */
export type Launch = {
  folder: string;
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd?: string;
};

type Identity = {
  pid: number;
  /** When the kernel started it; a pid alone may belong to a stranger after a reboot. */
  started: string;
};

/** Starts a process in a session of its own, so that it survives the terminal. */
export async function launch({ folder, command, args, env, cwd }: Launch): Promise<number> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const log = openSync(logOf(folder), "w", 0o600);
  const child = spawn(command, [...args], {
    detached: true,
    stdio: ["ignore", log, log],
    env,
    ...(cwd !== undefined && { cwd }),
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve).once("error", reject);
  });
  child.unref();
  await remember(folder, child.pid!);
  return child.pid!;
}

/** Notes whose process belongs to the folder. */
export async function remember(folder: string, pid: number): Promise<void> {
  const identity: Identity = { pid, started: startOf(pid) ?? "" };
  await writeFile(join(folder, "process.json"), JSON.stringify(identity));
}

/** The pid of the folder's process if that very process still runs. */
export async function running(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, "process.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const { pid, started } = JSON.parse(text) as Identity;
  return startOf(pid) === started ? pid : undefined;
}

/** SIGTERM, then SIGKILL after `graceMs` for it and what it left in its process group. */
export async function end(folder: string, graceMs: number): Promise<void> {
  const pid = await running(folder);
  if (pid !== undefined) {
    const group = groupOf(pid);
    signal(pid, "SIGTERM");
    const deadline = Date.now() + graceMs;
    while (startOf(pid) !== undefined && Date.now() < deadline) await sleep(50);
    // A group of its own was made by launch(); what still is in it belongs to the process.
    if (group !== undefined && group !== groupOf(process.pid)) signal(-group, "SIGKILL");
    signal(pid, "SIGKILL");
    while (startOf(pid) !== undefined) await sleep(20);
  }
  await rm(join(folder, "process.json"), { force: true });
}

/** Waits until `check` is true; throws with the end of the log when the process dies or time is up. */
export async function untilReady(
  folder: string,
  title: string,
  check: () => Promise<boolean>,
  deadlineMs: number,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await check().catch(() => false))) {
    const died = (await running(folder)) === undefined;
    if (died || Date.now() > deadline) {
      const what = died ? "ended while it started" : `is not ready after ${deadlineMs / 1_000} s`;
      throw new Error(`${title} ${what}. The end of ${logOf(folder)}:\n${tailOf(folder)}`);
    }
    await sleep(100);
  }
}

export function logOf(folder: string): string {
  return join(folder, "log");
}

function tailOf(folder: string): string {
  return readFileSync(logOf(folder), "utf8").trimEnd().split("\n").slice(-15).join("\n");
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

/** Fields of /proc/<pid>/stat after the command's name; `undefined` when gone or a zombie. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields;
  } catch {
    return undefined;
  }
}

/** proc(5): field 22 is the start time in ticks since boot, field 5 the process group. */
function startOf(pid: number): string | undefined {
  return statOf(pid)?.[22 - 3];
}

function groupOf(pid: number): number | undefined {
  const group = statOf(pid)?.[5 - 3];
  return group === undefined ? undefined : Number(group);
}
