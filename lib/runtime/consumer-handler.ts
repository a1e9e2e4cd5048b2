import { randomUUID } from "node:crypto";
import type * as z from "zod";
import type { exposition, ledger } from "../config.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { openLedger, type OpenLedger } from "../ledger/open-ledger.ts";
import { logger } from "../log.ts";
import type { Metrics } from "./metrics.ts";
import type { Consumer } from "../pipeline/consumer.ts";
import type { Delivery } from "../pipeline/message.ts";
import type { Settled } from "../pipeline/message.ts";
import { batchProcessor, type ProcessBatch } from "../pipeline/process-batch.ts";
import { requireTopology } from "../rabbit/apply-topology.ts";
import { withChannel } from "../rabbit/connection.ts";
import { rabbitForward } from "../rabbit/forward.ts";
import { durationText } from "../duration.ts";
import { rabbitPublisher } from "../rabbit/publisher.ts";
import { sleep } from "../async/sleep.ts";
import { type InvocationContext, timeoutOf } from "./context.ts";
import { openExposition } from "./exposition.ts";
import { journal, observedLedger, observedSink } from "./journal.ts";
import { type QueueBatch, type RabbitMQEvent, readEvent } from "../trigger/event.ts";
import { termination } from "./termination.ts";

/** The clocks of two machines may differ by this. A lease is the function's time-out plus this. */
const CLOCK_SKEW_MS = 30_000;

/**
 * The variables that every consumer reads: `variables`, `exposition` and `ledger` of lib/config.ts. Its
 * config.ts adds those of its sink.
 */
export type ConsumerConfig = {
  RABBITMQ_URL: string;
  /** ms */
  RETRY_DELAYS: readonly number[];
  /** ms */
  RETRY_LATER_FOR: number;
  LOG_LEVEL: string;
} & z.infer<z.ZodObject<typeof exposition>> &
  z.infer<typeof ledger>;

export type ConsumerHandler = {
  /**
   * Resolves when every message of the event is settled. If it rejects, the caller must acknowledge
   * nothing and redeliver the batch.
   */
  handler: (event: RabbitMQEvent, context: InvocationContext) => Promise<void>;
  /**
   * Opens and checks everything that a batch of this queue needs. The rejection names what is missing.
   * The host calls it before it takes messages; on Lambda the first batch does.
   */
  prepare: (queue: string) => Promise<void>;
  metrics: Metrics;
  /** Waits for what is being published, then disconnects. */
  close: () => Promise<void>;
};

/**
 * Connects a consumer to broker, ledger, logs and metrics. Lambda and the host both run batches through
 * it. Connections are opened on first use and kept for the life of the process.
 */
export function consumerHandler({
  consumer,
  config,
  requireSink,
  closeSink,
}: {
  consumer: Consumer;
  config: ConsumerConfig;
  /** Rejects when the sink lacks what its owner must create (constraints, collections, tables). */
  requireSink: () => Promise<void>;
  closeSink: () => Promise<void>;
}): ConsumerHandler {
  const { name } = consumer;
  const { RABBITMQ_URL: url, RETRY_DELAYS: retryDelays } = config;
  const log = logger({ level: config.LOG_LEVEL, name });
  const { metrics, exposed } = openExposition({ config, log });
  const observed = { name, metrics };
  metrics.consumer({ name });
  const sink = observedSink(consumer, { ...observed, log });
  const publisher = rabbitPublisher({ url, name, log, metrics });
  const processId = randomUUID();
  const processors = new Map<string, ProcessBatch>();
  /** Belongs to the current batch. The runtime sends the next batch only after this one has ended. */
  let report: (settled: Settled) => void = () => {};
  let running: Promise<void> = Promise.resolve();
  const timeoutMs = timeoutOf();
  let leaseMs = 0;
  const terminated = termination({ running: () => running, close });

  let opened: OpenLedger | undefined;
  const ledgerOpened = once(async () => {
    const warn = (text: string) => log.warn(text);
    const opening = openLedger({ config, consumer, now: Date.now, random: Math.random, warn });
    opening.catch(() => metrics.ledgerFailed({ name }));
    opened = await opening;
    return observedLedger(opened, observed);
  });
  const sinkChecked = once(requireSink);
  const topologyChecked = oncePerKey((queue) =>
    withChannel({ url, name: `${name} start` }, (channel) =>
      requireTopology({ channel, queue, retryDelays }),
    ),
  );

  async function prepare(queue: string): Promise<Ledger> {
    const [ledger] = await Promise.all([ledgerOpened(), sinkChecked(), topologyChecked(queue)]);
    return ledger;
  }

  function processorOf(queue: string, ledger: Ledger): ProcessBatch {
    const known = processors.get(queue);
    if (known) return known;
    const onRetry = (tier: number) => metrics.retried({ name, tier: durationText(tier) });
    const made = batchProcessor(sink, {
      ledger,
      forward: rabbitForward({ publisher, queue, retryDelays, onRetry }),
      retryDelays,
      retryLaterFor: config.RETRY_LATER_FOR,
      // Read again for each batch.
      get leaseMs() {
        return leaseMs;
      },
      process: processId,
      report: (settled) => report(settled),
      now: Date.now,
      random: Math.random,
      nonce: randomUUID,
      sleep,
    });
    processors.set(queue, made);
    return made;
  }

  async function settle(
    { queue, deliveries }: QueueBatch,
    context: InvocationContext,
  ): Promise<void> {
    const book = journal({ name, queue, size: deliveries.length, log, metrics, now: Date.now });
    try {
      const ledger = await prepare(queue);
      report = book.settled;
      await processorOf(queue, ledger)(deliveries satisfies Delivery[], {
        signal: context.signal ?? terminated(),
        remainingMs: () => context.getRemainingTimeInMillis(),
      });
      book.ended();
    } catch (error) {
      book.ended(error);
      throw error;
    }
  }

  async function run(event: RabbitMQEvent, context: InvocationContext): Promise<void> {
    leaseMs = timeoutMs(context) + CLOCK_SKEW_MS;
    for (const batch of readEvent(event)) await settle(batch, context);
  }

  async function close(): Promise<void> {
    await publisher.close();
    opened?.close();
    await closeSink();
  }

  return {
    handler: exposed((event, context) => (running = run(event, context))),
    async prepare(queue) {
      await prepare(queue);
    },
    metrics,
    close,
  };
}

/** Remembers a success; after a failure the next call tries again. */
function once<T>(open: () => Promise<T>): () => Promise<T> {
  const opened = oncePerKey(open);
  return () => opened("");
}

function oncePerKey<T>(open: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const opened = new Map<string, Promise<T>>();
  return (key) => {
    const known = opened.get(key);
    if (known) return known;
    const opening = open(key);
    opened.set(key, opening);
    opening.catch(() => opened.delete(key));
    return opening;
  };
}
