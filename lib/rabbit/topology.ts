import { waitsOf } from "../pipeline/waits.ts";
import { deadQueue, EVENTS_EXCHANGE, retryQueue, UNCONSUMED } from "./names.ts";

export type Topology = { exchanges: Exchange[]; queues: Queue[]; bindings: Binding[] };
type Exchange = { name: string; type: "topic" | "fanout"; arguments: Arguments };
type Queue = { name: string; arguments: Arguments };
/** From an exchange to a queue. */
export type Binding = { source: string; destination: string; routingKey: string };
export type Arguments = Readonly<Record<string, string | number>>;

/** A queue and the event types that its function wants. */
export type QueueConsumer = { queue: string; accepts: readonly string[] };

const GIB = 1_024 ** 3;
/** At 1 KB an event about 8 million of them: a day at 100 per second. Alarm at half. */
const WORK_BYTES = 8 * GIB;
const RETRY_BYTES = 2 * GIB;
const UNCONSUMED_BYTES = 2 * GIB;

/**
 * How often the broker may redeliver before it gives up on a message; functions count crashes in the
 * ledger instead. Never -1: RabbitMQ 3.10 then drops the message at its first requeue, and 4.x has a
 * default of 20 that an outage would use up.
 */
const DELIVERY_LIMIT = 1_000_000;

/** A full queue refuses what is published; `drop-head` would lose the oldest in silence. */
const bounded = (bytes: number): Arguments => ({
  "x-max-length-bytes": bytes,
  "x-overflow": "reject-publish",
});

/**
 * Messages pass from queue to queue only after the next one has confirmed them. Needs a quorum queue
 * that rejects publishes when full; with any other overflow it silently falls back to at-most-once.
 */
const deadLettersTo = (queue: string): Arguments => ({
  "x-dead-letter-exchange": "",
  "x-dead-letter-routing-key": queue,
  "x-dead-letter-strategy": "at-least-once",
});

/**
 * Everything that must exist on the broker, derived from the consumers; the same on RabbitMQ 3.10 and
 * 4.x. Retry queues belong to one consumer: shared ones would let a full queue stop the retries of all.
 * Each has one TTL for all that it holds, since only the head of a queue expires: a TTL for each message
 * would let a long wait hold up the shorter ones behind it.
 * Throws when two consumers share a queue or a type is a pattern: bindings are exact.
 */
export function topologyOf({
  consumers,
  retryDelays,
}: {
  consumers: readonly QueueConsumer[];
  /** ms */
  retryDelays: readonly number[];
}): Topology {
  for (const { queue, accepts } of consumers) {
    const pattern = accepts.find((type) => !/^[a-z0-9_]+(\.[a-z0-9_]+)+$/.test(type));
    if (pattern !== undefined) throw new Error(`${queue} accepts "${pattern}": not an event type`);
  }
  const names = consumers.map(({ queue }) => queue);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new Error(`two functions consume ${twice}: give each its own queue`);

  return {
    exchanges: [
      { name: EVENTS_EXCHANGE, type: "topic", arguments: { "alternate-exchange": UNCONSUMED } },
      { name: UNCONSUMED, type: "fanout", arguments: {} },
    ],
    queues: [
      quorum(UNCONSUMED, bounded(UNCONSUMED_BYTES)),
      ...names.flatMap((name) => queuesOf(name, retryDelays)),
    ],
    bindings: [
      { source: UNCONSUMED, destination: UNCONSUMED, routingKey: "" },
      ...consumers.flatMap(({ queue, accepts }) =>
        accepts.map((type) => ({
          source: EVENTS_EXCHANGE,
          destination: queue,
          routingKey: type,
        })),
      ),
    ],
  };
}

function queuesOf(name: string, retryDelays: readonly number[]): Queue[] {
  return [
    quorum(name, { ...bounded(WORK_BYTES), ...deadLettersTo(deadQueue(name)) }),
    ...waitsOf(retryDelays).map((waitMs) =>
      quorum(retryQueue(name, waitMs), {
        "x-message-ttl": waitMs,
        ...bounded(RETRY_BYTES),
        ...deadLettersTo(name),
      }),
    ),
    // Neither bounded nor expiring: what lies here waits for people.
    quorum(deadQueue(name), {}),
  ];
}

function quorum(name: string, args: Arguments): Queue {
  return {
    name,
    arguments: { "x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT, ...args },
  };
}
