import { setTimeout as sleep } from "node:timers/promises";

/** How many batches lose their environment. */
const CRASHES = 2;
const PAUSE_MS = 100;
/** What the trigger says when a batch that ran goes back to its queue because of that. */
const LOST = /a batch was handed back: its environment ended/g;

/**
 * Ends worker threads of `serverless offline` as a crash would, once `started` is true, until two of them ran
 * a batch. Returns how many did, at the latest when `signal` aborts.
 */
export async function crashInMidBatch(
  { pid, output }: { pid: number; output: () => Promise<string> },
  started: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<number> {
  const lost = async () => (await output()).match(LOST)?.length ?? 0;
  const before = await lost();
  while (!signal.aborted && !(await started())) await pause(signal);
  for (;;) {
    const crashes = (await lost()) - before;
    if (crashes >= CRASHES || signal.aborted) return crashes;
    // infra/offline/plugin.ts: only environments that run a batch are ended.
    process.kill(pid, "SIGUSR2");
    await pause(signal);
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  await sleep(PAUSE_MS, undefined, { signal }).catch(() => {});
}
