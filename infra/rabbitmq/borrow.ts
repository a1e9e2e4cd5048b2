import type { Channel, GetMessage } from "amqplib";
import { requireQueue, TopologyError } from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { within } from "../../lib/async/deadline.ts";
import { keptQueue, UNCONSUMED } from "../../lib/rabbit/names.ts";
import { known } from "../cli/nearest.ts";
import { readConsumers } from "./consumers.ts";

const GET_MS = 10_000;

/** The dead letters of a work queue (or the unconsumed events), and how many of them to look at, from the oldest. */
export type Target = { url: string; queue: string; limit: number };

/**
 * Lends `work` the oldest messages that are kept. What it does not ack goes back to its place,
 * also when `work` throws or this process dies: the broker keeps a message until it is acked.
 */
export async function borrow<T>(
  { url, queue, limit }: Target,
  work: (borrowed: {
    channel: Channel;
    letters: AsyncIterable<GetMessage>;
    /** How many there were at the start. */
    ready: number;
  }) => Promise<T>,
): Promise<T> {
  const name = keptQueue(queue);
  return withChannel({ url, name: "warren dead-letters" }, async (channel) => {
    const ready = await requireQueue(channel, name).catch(async (error: unknown) => {
      throw await orNearest(error, queue, name);
    });
    // Never more than there were: a replayed message may be dead again meanwhile.
    const result = await work({
      channel,
      letters: take(channel, name, Math.min(ready, limit)),
      ready,
    });
    channel.nackAll(true);
    return result;
  });
}

/** Where no function has such a queue, to create it would be wrong advice. */
async function orNearest(error: unknown, queue: string, name: string): Promise<unknown> {
  const queues = [...(await readConsumers()).map((consumer) => consumer.queue), UNCONSUMED];
  if (!(error instanceof TopologyError) || queues.includes(queue)) return error;
  const text = `queue ${name} does not exist, and no function has a queue ${queue}`;
  return new TopologyError(`${text}: ${known(queue, queues)}`, { cause: error });
}

async function* take(channel: Channel, queue: string, count: number): AsyncGenerator<GetMessage> {
  for (let taken = 0; taken < count; taken += 1) {
    const message = await within(GET_MS, `reading ${queue}`, channel.get(queue));
    if (message === false) return;
    yield message;
  }
}
