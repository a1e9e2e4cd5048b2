import type { Channel } from "amqplib";
import { within } from "../async/deadline.ts";
import { waitsOf } from "../pipeline/waits.ts";
import { deadQueue, retryQueue } from "./names.ts";
import type { Topology } from "./topology.ts";

/** AMQP's reply codes for a passive declare of what is not there, and for other arguments. */
const NOT_FOUND = 404;
const PRECONDITION_FAILED = 406;
const DECLARE_MS = 30_000;

/** The broker lacks something, or has it otherwise; the message says what to do. */
export class TopologyError extends Error {
  override name = "TopologyError";
}

/**
 * Declares exchanges, queues and bindings; what exists as it should is left alone. Nothing is ever
 * deleted. Throws TopologyError (the channel is then closed) at the first that exists otherwise.
 */
export async function applyTopology(channel: Channel, topology: Topology): Promise<void> {
  const { exchanges, queues, bindings } = topology;
  for (const { name, type, arguments: args } of exchanges) {
    await declare("exchange", name, channel.assertExchange(name, type, { arguments: args }));
  }
  for (const { name, arguments: args } of queues) {
    await declare("queue", name, channel.assertQueue(name, { arguments: args }));
  }
  for (const { source, destination, routingKey } of bindings) {
    const bound = channel.bindQueue(destination, source, routingKey);
    await within(DECLARE_MS, `binding ${destination}`, bound);
  }
}

async function declare(kind: string, name: string, declared: Promise<unknown>): Promise<void> {
  try {
    await within(DECLARE_MS, `declaring ${kind} ${name}`, declared);
  } catch (cause) {
    if (codeOf(cause) !== PRECONDITION_FAILED) throw cause;
    throw new TopologyError(
      `${kind} ${name} exists with other arguments, which cannot be changed in place: drain and ` +
        `delete it, then apply again. \`npx warren topology check\` lists every difference. ` +
        `The broker says: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/**
 * Checks that a consumer's queues exist before it starts: its own, the retry queues and the dead
 * letters. Throws TopologyError naming the missing one; the broker then closes the channel.
 */
export async function requireTopology({
  channel,
  queue,
  retryDelays,
}: {
  channel: Channel;
  queue: string;
  /** ms */
  retryDelays: readonly number[];
}): Promise<void> {
  const waits = waitsOf(retryDelays).map((ms) => retryQueue(queue, ms));
  const names = [queue, ...waits, deadQueue(queue)];
  for (const name of names) await requireQueue(channel, name);
}

/** How many messages are ready in a queue; throws TopologyError when there is no such queue. */
export async function requireQueue(channel: Channel, name: string): Promise<number> {
  const found = channel.checkQueue(name);
  const { messageCount } = await orMissing(`queue ${name}`, found);
  return messageCount;
}

async function orMissing<T>(what: string, looking: Promise<T>): Promise<T> {
  try {
    return await within(DECLARE_MS, `looking for ${what}`, looking);
  } catch (cause) {
    if (codeOf(cause) !== NOT_FOUND) throw cause;
    const text = `${what} does not exist: \`npx warren topology apply\` creates it`;
    throw new TopologyError(text, { cause });
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
