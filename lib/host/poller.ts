import type { Channel, ConsumeMessage } from "amqplib";
import {
  type BasicProperties,
  propertiesOf,
  type RabbitMQEvent,
  recordBytes,
  recordOf,
} from "../trigger/event.ts";
import type { Logger } from "../log.ts";
import type { RabbitConnection } from "../rabbit/connection.ts";
import { messageOf } from "../error-text.ts";
import { within } from "../async/deadline.ts";
import { backoff } from "../async/sleep.ts";
import type { Filter } from "../trigger/filter.ts";
import { inbox } from "../trigger/inbox.ts";
import type { Invoke } from "../runtime/context.ts";
import { sleep } from "../async/sleep.ts";
import { unlessAborted } from "../async/deadline.ts";

/** Lambda's limit for a synchronous invocation, less what stands around the records. */
const MAX_EVENT_BYTES = 6 * 1_024 * 1_024 - 1_024;
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 30_000;
const CHANNEL_MS = 5_000;
/** AMQP's reply code for a passive declare of what is not there. */
const NOT_FOUND = 404;

export type PollerDeps = {
  /** Of its own: acks must not wait behind publishes that the broker blocks. */
  connection: Pick<RabbitConnection, "channel">;
  /** Of the broker, for the event. */
  arn: string;
  queue: string;
  vhost: string;
  /** At most so many messages to a batch; as many are taken from the queue ahead. */
  batchSize: number;
  windowMs: number;
  /** Rejects when the function lacks something; nothing is taken before it resolves. */
  prepare: () => Promise<void>;
  invoke: Invoke<RabbitMQEvent>;
  /**
   * What was handed back comes again one by one, then two, four …: one message may be the cause; or as the
   * whole batch, as Lambda does it.
   */
  afterThrow: "one by one" | "whole batch";
  /** What it refuses is acked and dropped before it is part of a batch. */
  filter: Filter | undefined;
  /**
   * What becomes of a message that no event can hold: an ack ends it, a reject leaves it to the queue's
   * dead-letter exchange. Lambda drops it.
   */
  onOversize: (message: Oversize) => Promise<"ack" | "reject">;
  /** Called with each change: messages are taken, or why not. */
  onState: (state: PollerState) => void;
  onTaken: (message: { redelivered: boolean }) => void;
  onFiltered: () => void;
  onHandedBack: (count: number) => void;
  log: Pick<Logger, "info" | "warn" | "error">;
  random: () => number;
};

type Oversize = {
  body: Buffer;
  headers: Record<string, unknown> | undefined;
  error: string;
};

export type PollerState = { ready: true } | { ready: false; problem: string };

type Taken = {
  message: ConsumeMessage;
  basicProperties: BasicProperties;
  bytes: number;
  at: number;
};

/**
 * The trigger, as Lambda's: takes messages in batches, calls the function with the event that Lambda
 * would send, one batch at a time; acks when it resolves, hands back and pauses when it rejects.
 * Recovers from whatever happens to broker and queue. Resolves once `stop` has aborted and all that
 * was taken is settled or handed back; `handBack` ends the running batch early.
 */
export async function poll(
  deps: PollerDeps,
  { stop, handBack }: { stop: AbortSignal; handBack: AbortSignal },
): Promise<void> {
  const { connection, queue, prepare, onState, log, random } = deps;
  const pauses = backoff({ firstMs: FIRST_PAUSE_MS, lastMs: LAST_PAUSE_MS, random });

  onState({ ready: false, problem: "starting" });
  while (!stop.aborted) {
    try {
      // It has its own deadlines; a stop does not wait for them.
      await unlessAborted(prepare(), stop);
      const channel = await connection.channel(stop);
      try {
        await consume(channel, deps, { stop, handBack, onReady: pauses.reset });
      } finally {
        // One that is closed already says so.
        await within(CHANNEL_MS, "closing the channel", channel.close()).catch(() => {});
      }
    } catch (error) {
      if (stop.aborted) return;
      const problem = messageOf(error);
      onState({ ready: false, problem });
      log.warn({ queue, err: error }, "takes no messages");
      await pause(pauses.next(), stop);
    }
  }
}

/** Serves one channel until it is lost (then it rejects) or `stop` aborts. */
async function consume(
  channel: Channel,
  deps: PollerDeps,
  { stop, handBack, onReady }: { stop: AbortSignal; handBack: AbortSignal; onReady: () => void },
): Promise<void> {
  const { arn, queue, vhost, batchSize, windowMs, invoke, filter, log, random } = deps;
  const lost = new AbortController();
  const lose = (why: string) => lost.abort(new Error(why));
  const handlerSignal = AbortSignal.any([lost.signal, handBack]);
  const pauses = backoff({ firstMs: FIRST_PAUSE_MS, lastMs: LAST_PAUSE_MS, random });
  const box = inbox<Taken>({ windowMs, maxBytes: MAX_EVENT_BYTES, now: () => performance.now() });
  let limit = batchSize;

  channel.on("error", (err) => log.warn({ queue, err }, "the broker closed the channel"));
  channel.on("close", () => lose("the channel was lost"));
  lost.signal.addEventListener("abort", box.close);

  await requireQueue(channel, queue);
  await within(CHANNEL_MS, "setting the prefetch", channel.prefetch(batchSize));
  const consuming = channel.consume(queue, (message) => {
    if (message === null) lose(`queue ${queue} was deleted`);
    else take(message);
  });
  const { consumerTag } = await within(CHANNEL_MS, `consuming ${queue}`, consuming);
  const stopTaking = () => {
    // What the broker has sent by then still comes; afterwards nothing more.
    const cancelled = within(CHANNEL_MS, "cancelling the consumer", channel.cancel(consumerTag));
    cancelled.then(box.close, box.close);
  };
  if (stop.aborted) stopTaking();
  else stop.addEventListener("abort", stopTaking);
  onReady();
  deps.onState({ ready: true });
  log.info({ queue, batchSize, windowMs }, "takes messages");

  try {
    for (;;) {
      const batch = await box.next(limit);
      if (batch === undefined || lost.signal.aborted || handBack.aborted) {
        requeue(batch ?? []);
        break;
      }
      if (await succeeds(batch)) continue;
      if (!stop.aborted) await pause(pauses.next(), AbortSignal.any([stop, lost.signal]));
      // What failed just now would fail again: the next host shall have it.
      if (stop.aborted) break;
    }
  } finally {
    stop.removeEventListener("abort", stopTaking);
  }
  lost.signal.throwIfAborted();
  requeue(box.takeAll());

  function take(message: ConsumeMessage): void {
    if (filter?.(message.content) === false) {
      channel.ack(message);
      deps.onFiltered();
      return;
    }
    // The body is encoded only when its batch starts: at most 6 MB are held twice.
    const basicProperties = propertiesOf(message);
    const bytes = recordBytes(basicProperties);
    box.add({ message, basicProperties, bytes, at: performance.now() });
    deps.onTaken(message.fields);
  }

  async function succeeds(batch: readonly Taken[]): Promise<boolean> {
    let verdict: "ack" | "reject";
    try {
      verdict = await settle(batch);
    } catch (error) {
      if (lost.signal.aborted) return false;
      requeue(batch);
      if (deps.afterThrow === "one by one") limit = 1;
      log.warn({ queue, size: batch.length, err: error }, "a batch was handed back");
      return false;
    }
    const { message } = batch.at(-1)!;
    if (!lost.signal.aborted) {
      // Nothing older is open: batches end in the order in which their messages came.
      if (verdict === "ack") channel.ack(message, true);
      else channel.reject(message, false);
    }
    limit = Math.min(limit * 2, batchSize);
    pauses.reset();
    return true;
  }

  async function settle(batch: readonly Taken[]): Promise<"ack" | "reject"> {
    const [{ message, bytes } = {}] = batch;
    if (message !== undefined && bytes !== undefined && bytes > MAX_EVENT_BYTES) {
      const { content: body, properties } = message;
      const error = `it takes ${bytes} bytes of an event that holds ${MAX_EVENT_BYTES}`;
      return deps.onOversize({ body, headers: properties.headers, error });
    }
    const records = batch.map(({ message: one, basicProperties }) =>
      recordOf(one, basicProperties),
    );
    const rmqMessagesByQueue = { [`${queue}::${vhost}`]: records };
    const event = { eventSource: "aws:rmq", eventSourceArn: arn, rmqMessagesByQueue } as const;
    await invoke(event, handlerSignal);
    return "ack";
  }

  /** `basic.reject`, since RabbitMQ 4.3 does not count what comes back by `basic.nack`. */
  function requeue(batch: readonly Taken[]): void {
    if (lost.signal.aborted) return;
    for (const { message } of batch) channel.reject(message, true);
    deps.onHandedBack(batch.length);
  }
}

async function requireQueue(channel: Channel, queue: string): Promise<void> {
  try {
    await within(CHANNEL_MS, `looking for queue ${queue}`, channel.checkQueue(queue));
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== NOT_FOUND) throw cause;
    throw new Error(`queue ${queue} does not exist`, { cause });
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, signal).catch(() => {});
}
