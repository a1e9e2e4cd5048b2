import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { remember, running } from "./processes.ts";

/** Longest start with all downloads, ms. */
const PATIENCE = 15 * 60_000;

/** Runs `work` while nobody else starts or stops this instance. A lock whose holder died is void. */
export async function locked<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const lock = join(directory, "lock");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const deadline = Date.now() + PATIENCE; !(await take(lock)); await sleep(200)) {
    if (Date.now() > deadline) throw new Error(`another start or stop holds ${lock}`);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

async function take(lock: string): Promise<boolean> {
  const ours = await mkdir(lock).then(
    () => true,
    () => false,
  );
  if (ours) {
    await remember(lock, process.pid);
    return true;
  }
  if ((await running(lock)) === undefined) {
    // Between mkdir and remember a living holder looks dead: only a second look counts.
    await sleep(500);
    if ((await running(lock)) === undefined) await rm(lock, { recursive: true, force: true });
  }
  return false;
}
