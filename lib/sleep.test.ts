import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { sleep } from "./sleep.ts";

test("a sleep ends by itself, and leaves nothing behind", async () => {
  const { signal } = new AbortController();
  await sleep(1, signal);
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("a sleep that is cut short rejects with the reason", async () => {
  const stop = new AbortController();
  const asleep = sleep(60_000, stop.signal);
  stop.abort("morning");
  await expect(asleep).rejects.toBe("morning");
  await expect(sleep(60_000, stop.signal)).rejects.toBe("morning");
});
