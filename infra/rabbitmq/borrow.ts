import type { Channel, GetMessage } from "amqplib";
import { requireQueue, TopologyError } from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { within } from "../../lib/async/deadline.ts";
import { keptQueue, UNCONSUMED } from "../../lib/rabbit/names.ts";
import { known } from "../cli/nearest.ts";
import { readConsumers } from "./consumers.ts";

const GET_MS = 10_000;

/** The dead letters of a work queue (or the unconsumed events), and how many to read, from the oldest. */
export type Target = { url: string; queue: string; limit: number };

/**
 * Gives `work` the oldest messages. The broker keeps a message until `work` acknowledges it: the others
 * return to their place, also when `work` throws or this process dies.
 */
export async function borrow<T>(
  { url, queue, limit }: Target,
  work: (borrowed: {
    channel: Channel;
    letters: AsyncIterable<GetMessage>;
    /** How many messages the queue had at the start. */
    ready: number;
  }) => Promise<T>,
): Promise<T> {
  const name = keptQueue(queue);
  return withChannel({ url, name: "warren dead-letters" }, async (channel) => {
    const ready = await requireQueue(channel, name).catch(async (error: unknown) => {
      throw await orNearest(error, queue, name);
    });
    // Never more than at the start: a replayed message may already be dead-lettered again.
    const result = await work({
      channel,
      letters: take(channel, name, Math.min(ready, limit)),
      ready,
    });
    channel.nackAll(true);
    return result;
  });
}

/** Advises to create the queue only if a function has it. */
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
