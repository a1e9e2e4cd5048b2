import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { InvocationContext } from "../runtime/context.ts";
import { invokeWith } from "./triggers.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const { signal } = new AbortController();

function invoking(handler: (event: string, context: InvocationContext) => Promise<unknown>) {
  const timeouts: string[] = [];
  const onTimeout = (id: string) => timeouts.push(id);
  const invoke = invokeWith({ handler, functionName: "graph", timeoutMs: 1_000, onTimeout });
  return { invoke, timeouts };
}

test("the context counts the remaining time down to nothing", async () => {
  const left: number[] = [];
  const { invoke } = invoking(async (_, context) => {
    left.push(context.getRemainingTimeInMillis());
    vi.advanceTimersByTime(400);
    left.push(context.getRemainingTimeInMillis());
    vi.advanceTimersByTime(700);
    left.push(context.getRemainingTimeInMillis());
    expect(context).toMatchObject({ functionName: "graph", signal });
  });
  await invoke("event", signal);
  expect(left).toEqual([1_000, 600, 0]);
});

test("tells which request outlived its time, and only while it runs", async () => {
  let id = "";
  const { invoke, timeouts } = invoking(async (event, { awsRequestId }) => {
    id = awsRequestId;
    if (event === "slow") vi.advanceTimersByTime(1_000);
  });
  await invoke("quick", signal);
  vi.advanceTimersByTime(5_000);
  expect(timeouts).toEqual([]);
  await invoke("slow", signal);
  expect(timeouts).toEqual([id]);
});

test("rejects as the handler does, and stops the clock", async () => {
  const { invoke } = invoking(async () => {
    throw new Error("no");
  });
  await expect(invoke("event", signal)).rejects.toThrow("no");
  expect(vi.getTimerCount()).toBe(0);
});
