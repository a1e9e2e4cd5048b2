import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PermanentError, RetryLaterError } from "../../lib/pipeline/errors.ts";
import { pace } from "./pace.ts";
import { RecipientBusyError } from "./transport.ts";

const NOW = Date.UTC(2026, 10, 21);
beforeEach(() => vi.useFakeTimers({ now: NOW }));
afterEach(() => vi.useRealTimers());

const never = new AbortController().signal;
const to = (chat: string) => ({ tenant: "acme", source: "shop", id: chat, to: chat });
const start = (perSecond: number) =>
  pace({
    perSecond,
    now: Date.now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        setTimeout(resolve, ms);
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      }),
  });

/** When each of so many turns came, ms from now. */
async function turns(count: number, of: ReturnType<typeof pace>): Promise<number[]> {
  const times: number[] = [];
  const all = Array.from({ length: count }, async (_, index) => {
    await of.turn(to(String(index)), never);
    times.push(Date.now() - NOW);
  });
  await vi.runAllTimersAsync();
  await Promise.all(all);
  return times;
}

test("lets so many go in any second", async () => {
  expect(await turns(7, start(3))).toEqual([0, 0, 0, 1_000, 1_334, 1_668, 2_000]);
});

test("waits when told to come later, and no longer than a while", async () => {
  const one = start(3);
  one.failed(to("refused"), new RetryLaterError("429", NOW + 2_000));
  one.failed(to("refused"), new PermanentError("400"));
  expect(await turns(1, one)).toEqual([2_000]);

  vi.setSystemTime(NOW);
  const other = start(3);
  other.failed(to("refused"), new RetryLaterError("429", NOW + 3_600_000));
  expect(await turns(1, other)).toEqual([5_000]);
});

test("holds nobody up for one recipient who cannot take anything now", async () => {
  const one = start(3);
  one.failed(to("refused"), new RecipientBusyError("450", NOW + 300_000));
  expect(await turns(1, one)).toEqual([0]);
  await expect(one.turn({ ...to("refused"), id: "next" }, never)).rejects.toThrow(
    RecipientBusyError,
  );
});

test("waits for nobody who was told to stop", async () => {
  vi.useRealTimers();
  const one = pace({
    perSecond: 1,
    now: Date.now,
    sleep: (ms, signal) => wait(ms, undefined, { signal }),
  });
  await one.turn(to("a"), never);
  const stop = new AbortController();
  const waiting = one.turn(to("b"), stop.signal);
  stop.abort(new Error("stop"));
  await expect(waiting).rejects.toThrow("stop");
});
