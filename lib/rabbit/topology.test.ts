import { expect, test } from "vitest";
import { topologyOf } from "./topology.ts";

const consumer = { queue: "events.neo4j", accepts: ["order.created", "product.updated"] };

test("one consumer gets its queue, a retry queue for each wait and its dead letters", () => {
  const { queues } = topologyOf({ consumers: [consumer], retryDelays: [5_000, 30_000, 300_000] });

  expect(queues).toEqual([
    {
      name: "events.unconsumed",
      arguments: {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000,
        "x-max-length-bytes": 2_147_483_648,
        "x-overflow": "reject-publish",
      },
    },
    {
      name: "events.neo4j",
      arguments: {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000,
        "x-max-length-bytes": 8_589_934_592,
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "dead.events.neo4j",
        "x-dead-letter-strategy": "at-least-once",
      },
    },
    {
      name: "events.neo4j.retry.1s",
      arguments: {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000,
        "x-message-ttl": 1_000,
        "x-max-length-bytes": 2_147_483_648,
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "events.neo4j",
        "x-dead-letter-strategy": "at-least-once",
      },
    },
    {
      name: "events.neo4j.retry.5s",
      arguments: {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000,
        "x-message-ttl": 5_000,
        "x-max-length-bytes": 2_147_483_648,
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "events.neo4j",
        "x-dead-letter-strategy": "at-least-once",
      },
    },
    {
      name: "events.neo4j.retry.30s",
      arguments: {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000,
        "x-message-ttl": 30_000,
        "x-max-length-bytes": 2_147_483_648,
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "events.neo4j",
        "x-dead-letter-strategy": "at-least-once",
      },
    },
    {
      name: "events.neo4j.retry.5m",
      arguments: {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000,
        "x-message-ttl": 300_000,
        "x-max-length-bytes": 2_147_483_648,
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "events.neo4j",
        "x-dead-letter-strategy": "at-least-once",
      },
    },
    {
      name: "dead.events.neo4j",
      arguments: { "x-queue-type": "quorum", "x-delivery-limit": 1_000_000 },
    },
  ]);
});

test("events reach the queues that accept their type, all others are kept as unconsumed", () => {
  const { exchanges, bindings } = topologyOf({ consumers: [consumer], retryDelays: [5_000] });

  expect(exchanges).toEqual([
    { name: "events", type: "topic", arguments: { "alternate-exchange": "events.unconsumed" } },
    { name: "events.unconsumed", type: "fanout", arguments: {} },
  ]);
  expect(bindings).toEqual([
    { source: "events.unconsumed", destination: "events.unconsumed", routingKey: "" },
    { source: "events", destination: "events.neo4j", routingKey: "order.created" },
    { source: "events", destination: "events.neo4j", routingKey: "product.updated" },
  ]);
});

test.each(["order.*", "#", "order", "", "Order.created"])("refuses to bind %j", (type) => {
  const consumers = [{ queue: "events.x", accepts: [type] }];
  expect(() => topologyOf({ consumers, retryDelays: [5_000] })).toThrow(
    `events.x accepts "${type}": not an event type`,
  );
});

test("refuses two consumers on one queue", () => {
  const consumers = [consumer, consumer];
  expect(() => topologyOf({ consumers, retryDelays: [5_000] })).toThrow(
    "two functions consume events.neo4j: give each its own queue",
  );
});
