import { expect, test } from "vitest";
import { headerText, rabbitForward } from "./forward.ts";
import type { RabbitMessage } from "./publisher.ts";

const body = new TextEncoder().encode("{ the original bytes }");
const delivery = {
  body,
  attempt: 2,
  generation: 3,
  copy: 77,
  notBefore: undefined,
  deliveryCount: 0,
  suspect: false,
  firstFailedAt: undefined,
};

function forwarding(retryDelays = [5_000, 60_000]) {
  const published: RabbitMessage[] = [];
  const publisher = {
    publish: async (message: RabbitMessage) => void published.push(message),
  };
  return { published, forward: rabbitForward({ publisher, queue: "events.neo4j", retryDelays }) };
}

const copy = {
  attempt: 3,
  generation: 3,
  delayMs: 5_000,
  notBefore: undefined,
  suspect: false,
  firstFailedAt: 1_000,
};

test("a retry copy carries the original bytes and our numbers", async () => {
  const { forward, published } = forwarding();
  await forward.retry(delivery, copy);

  expect(published).toEqual([
    {
      exchange: "",
      routingKey: "events.neo4j.retry.5s",
      body,
      headers: { "warren-attempt": 3, "warren-generation": 3, "warren-first-failed-at": 1_000 },
    },
  ]);
});

test.each([
  [0, "events.neo4j.retry.1s"],
  [4_700, "events.neo4j.retry.1s"],
  [4_990, "events.neo4j.retry.5s"],
  [29_000, "events.neo4j.retry.30s"],
  [90_000, "events.neo4j.retry.1m"],
  [3_600_000, "events.neo4j.retry.5m"],
])("the next part of %d ms is a wait in %s", async (delayMs, queue) => {
  const { forward, published } = forwarding();
  await forward.retry(delivery, { ...copy, delayMs });

  expect(published[0]?.routingKey).toBe(queue);
});

test("a time not to start before travels as a whole number", async () => {
  const { forward, published } = forwarding();
  await forward.retry(delivery, { ...copy, suspect: false, notBefore: 1_795_000_000_000.5 });
  expect(published[0]?.headers?.["warren-not-before"]).toBe(1_795_000_000_001);
});

test("a dead letter says why, when and after how many attempts", async () => {
  const { forward, published } = forwarding();
  await forward.deadLetter(delivery, {
    reason: "refused",
    error: "Neo4jError: no such label",
    deadAt: 2_000,
    firstFailedAt: 1_000,
  });

  expect(published).toEqual([
    {
      exchange: "",
      routingKey: "dead.events.neo4j",
      body,
      headers: {
        "warren-attempt": 2,
        "warren-generation": 3,
        "warren-reason": "refused",
        "warren-error": "Neo4jError: no such label",
        "warren-dead-at": 2_000,
        "warren-first-failed-at": 1_000,
      },
    },
  ]);
});

test("header texts are cut between characters", () => {
  expect(headerText("é".repeat(200), 256)).toBe("é".repeat(128));
  expect(headerText(`x${"é".repeat(200)}`, 256)).toBe(`x${"é".repeat(127)}`);
  expect(headerText("😀😀", 7)).toBe("😀");
});

test("header texts have no stack and no control characters", () => {
  const stack =
    "TypeError: x\0 is not a function\r\n    at apply (/app/sink.ts:3:14)\n    at run:1:2";
  expect(headerText(stack, 256)).toBe("TypeError: x is not a function");
  expect(headerText("\u001B[31mred\u001B[0m\ttext", 256)).toBe("[31mred [0m text");
});

test("a lone surrogate does not break the header", () => {
  expect(headerText("a\uD800b", 256)).toBe("a\uFFFDb");
});
