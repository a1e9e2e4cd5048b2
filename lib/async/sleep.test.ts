import { getEventListeners } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sleep } from "./sleep.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a sleep ends by itself, and leaves nothing behind", async () => {
  const { signal } = new AbortController();
  const asleep = sleep(1_000, signal);
  await vi.advanceTimersByTimeAsync(1_000);
  await asleep;
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("a sleep that is cut short rejects with the reason, and leaves no timer", async () => {
  const stop = new AbortController();
  const asleep = sleep(60_000, stop.signal);
  stop.abort("morning");
  await expect(asleep).rejects.toBe("morning");
  await expect(sleep(60_000, stop.signal)).rejects.toBe("morning");
  expect(vi.getTimerCount()).toBe(0);
});
