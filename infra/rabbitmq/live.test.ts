import { expect, test } from "vitest";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { differences, type Live, staleBindings } from "./live.ts";

const wanted = topologyOf({
  consumers: [{ queue: "events.neo4j", accepts: ["order.created"] }],
  retryDelays: [5_000],
});

/** A broker that has exactly what is wanted. */
function perfect(): Live {
  return {
    exchanges: wanted.exchanges.map((one) => ({ ...one, durable: true })),
    queues: wanted.queues.map((one) => ({ ...one, durable: true })),
    bindings: [...wanted.bindings],
  };
}

test("a broker that has what is wanted shows no difference", () => {
  expect(differences(wanted, perfect())).toEqual([]);
});

test("queues and exchanges of others are none of our business", () => {
  const live = perfect();
  live.queues.push({ name: "theirs", durable: false, arguments: {} });
  live.exchanges.push({ name: "amq.topic", type: "topic", durable: true, arguments: {} });
  live.bindings.push({ source: "amq.topic", destination: "theirs", routingKey: "#" });
  expect(differences(wanted, live)).toEqual([]);
});

test("names what is missing", () => {
  const live = { ...perfect(), bindings: [], exchanges: [] };
  live.queues = live.queues.filter(({ name }) => name !== "dead.events.neo4j");
  expect(differences(wanted, live)).toEqual([
    "exchange events is missing",
    "exchange events.unconsumed is missing",
    "queue dead.events.neo4j is missing",
    "binding events.unconsumed ----> events.unconsumed is missing",
    "binding events --order.created--> events.neo4j is missing",
  ]);
});

test("names every argument that is otherwise", () => {
  const live = perfect();
  live.queues = live.queues.map((queue) =>
    queue.name === "events.neo4j.retry.5s"
      ? { ...queue, arguments: { ...queue.arguments, "x-message-ttl": 9, "x-expires": 1 } }
      : queue,
  );
  expect(differences(wanted, live)).toEqual([
    "queue events.neo4j.retry.5s: x-message-ttl is 9, should be 5000",
    "queue events.neo4j.retry.5s: x-expires is 1, should be absent",
  ]);
});

test("names what earlier versions left behind", () => {
  const live = perfect();
  const stale = { source: "events", destination: "events.neo4j", routingKey: "order.paid" };
  live.bindings.push(stale);
  live.bindings.push({ source: "events", destination: "events.gone", routingKey: "order.paid" });
  live.queues.push({ name: "events.neo4j.retry.10s", durable: true, arguments: {} });

  expect(differences(wanted, live)).toEqual([
    "binding events --order.paid--> events.neo4j is stale: its function no longer accepts that type",
    "queue events.gone takes events, but no function consumes it: it will fill up",
    "queue events.neo4j.retry.10s belongs to no configured retry delay: delete it once it is empty",
  ]);
  expect(staleBindings(wanted, live)).toEqual([stale]);
});
