import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runSchedule, type ScheduledEvent } from "./schedule.ts";

let stopping: AbortController;
let running: Promise<void>;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2026-11-21T10:00:00.500Z") });
  stopping = new AbortController();
});
afterEach(async () => {
  stopping.abort();
  await running;
  vi.useRealTimers();
});

function start(invoke: (event: ScheduledEvent) => Promise<void>): unknown[] {
  const errors: unknown[] = [];
  const log = { info: () => {}, error: (line: { err: unknown }) => errors.push(line.err) };
  running = runSchedule({
    everyMs: 60_000,
    invoke,
    log: log as never,
    stop: stopping.signal,
    handBack: new AbortController().signal,
    now: Date.now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        setTimeout(resolve, ms);
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  });
  return errors;
}

test("calls the function after each interval, with the event of a schedule", async () => {
  const events: ScheduledEvent[] = [];
  start(async (event) => void events.push(event));
  await vi.advanceTimersByTimeAsync(59_999);
  expect(events).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(60_001);

  expect(events).toHaveLength(2);
  expect(events[0]).toMatchObject({
    "detail-type": "Scheduled Event",
    source: "aws.events",
    time: "2026-11-21T10:01:00Z",
  });
});

test("leaves out what falls due while a call runs", async () => {
  const startedAt: number[] = [];
  const begin = Date.now();
  start(async () => {
    startedAt.push(Date.now() - begin);
    if (startedAt.length === 1) await new Promise((resolve) => setTimeout(resolve, 130_000));
  });
  await vi.advanceTimersByTimeAsync(300_000);
  expect(startedAt).toEqual([60_000, 240_000, 300_000]);
});

test("goes on after a call that failed", async () => {
  let calls = 0;
  const errors = start(async () => {
    calls += 1;
    throw new Error(`no ${calls}`);
  });
  await vi.advanceTimersByTimeAsync(120_000);
  expect(errors).toEqual([new Error("no 1"), new Error("no 2")]);
});
