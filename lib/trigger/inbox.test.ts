import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { inbox } from "./inbox.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

const opened = () =>
  inbox<{ id: number; bytes: number; at: number }>({
    windowMs: 500,
    maxBytes: 1_000,
    now: Date.now,
  });
const message = (id: number, bytes = 1) => ({ id, bytes, at: Date.now() });
const idsOf = (batch: { id: number }[] | undefined) => batch?.map(({ id }) => id);

test("gives a full batch at once", async () => {
  const box = opened();
  const batch = box.next(2);
  [1, 2, 3].forEach((id) => box.add(message(id)));
  expect(idsOf(await batch)).toEqual([1, 2]);
});

test("gives a part of a batch when its first message has waited out the window", async () => {
  const box = opened();
  const batch = box.next(10);
  let given: number[] | undefined;
  void batch.then((messages) => (given = idsOf(messages)));

  box.add(message(1));
  await vi.advanceTimersByTimeAsync(400);
  box.add(message(2));
  await vi.advanceTimersByTimeAsync(99);
  expect(given).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1);
  expect(given).toEqual([1, 2]);
});

test("counts the window from the arrival, also of what came during the last batch", async () => {
  const box = opened();
  box.add(message(1));
  await vi.advanceTimersByTimeAsync(600);
  expect(idsOf(await box.next(10))).toEqual([1]);
});

test("sets one timer for a batch, whatever arrives meanwhile", async () => {
  const box = opened();
  void box.next(100);
  for (let id = 0; id < 50; id++) box.add(message(id));
  expect(vi.getTimerCount()).toBe(1);
});

test("splits a batch at the bytes that an event holds", async () => {
  const box = opened();
  [1, 2, 3].forEach((id) => box.add(message(id, 400)));
  expect(idsOf(await box.next(10))).toEqual([1, 2]);
  box.close();
  expect(idsOf(await box.next(10))).toEqual([3]);
});

test("gives a message that no event holds alone", async () => {
  const box = opened();
  box.add(message(1, 1_001));
  box.add(message(2));
  expect(idsOf(await box.next(10))).toEqual([1]);
});

test("gives what is left when it closes, then nothing", async () => {
  const box = opened();
  box.add(message(1));
  const batch = box.next(10);
  box.close();
  expect(idsOf(await batch)).toEqual([1]);
  expect(await box.next(10)).toBeUndefined();
});

test("gives back everything that waits", () => {
  const box = opened();
  box.add(message(1));
  box.add(message(2));
  expect(idsOf(box.takeAll())).toEqual([1, 2]);
  expect(box.takeAll()).toEqual([]);
});
