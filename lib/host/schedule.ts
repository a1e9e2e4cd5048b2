import { randomUUID } from "node:crypto";
import type { Logger } from "../log.ts";
import type { Invoke } from "../runtime/context.ts";

/** What EventBridge sends on a schedule. */
export type ScheduledEvent = {
  version: "0";
  id: string;
  "detail-type": "Scheduled Event";
  source: "aws.events";
  account: string;
  /** `2026-11-21T10:00:00Z` */
  time: string;
  region: string;
  resources: string[];
  detail: Record<string, never>;
};

/**
 * Calls a function every `everyMs`, first after that long, one call at a time: what falls due while one
 * runs is left out. A call that rejects is logged, the next comes as usual. Resolves after `stop`.
 */
export async function runSchedule({
  everyMs,
  invoke,
  log,
  stop,
  handBack,
  now,
  sleep,
}: {
  everyMs: number;
  invoke: Invoke<ScheduledEvent>;
  log: Pick<Logger, "info" | "error">;
  stop: AbortSignal;
  handBack: AbortSignal;
  /** ms */
  now: () => number;
  /** Resolves after `ms`, rejects when the signal aborts. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}): Promise<void> {
  let due = now() + everyMs;
  for (;;) {
    await sleep(due - now(), stop).catch(() => {});
    if (stop.aborted) return;
    const startedAt = now();
    try {
      await invoke(scheduledEvent(), handBack);
      log.info({ duration_ms: Math.round(now() - startedAt) }, "scheduled run ended");
    } catch (error) {
      log.error({ err: error }, "scheduled run failed");
    }
    do due += everyMs;
    while (due < now());
  }
}

function scheduledEvent(): ScheduledEvent {
  return {
    version: "0",
    id: randomUUID(),
    "detail-type": "Scheduled Event",
    source: "aws.events",
    account: "000000000000",
    time: `${new Date().toISOString().slice(0, 19)}Z`,
    region: "us-east-1",
    resources: [],
    detail: {},
  };
}
