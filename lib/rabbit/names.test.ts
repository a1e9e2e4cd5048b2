import { expect, test } from "vitest";
import { durationText } from "../duration.ts";
import { deadQueue, retryQueue } from "./names.ts";

test.each([
  [1, "1ms"],
  [1_500, "1500ms"],
  [5_000, "5s"],
  [60_000, "1m"],
  [90_000, "90s"],
  [300_000, "5m"],
  [3_600_000, "1h"],
  [86_400_000, "24h"],
])("writes %d ms as %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test("retry queues and dead letters are named after their queue", () => {
  expect(retryQueue("events.neo4j", 30_000)).toBe("events.neo4j.retry.30s");
  expect(deadQueue("events.neo4j")).toBe("dead.events.neo4j");
});
