import { invokeWith } from "../lib/host/triggers.ts";
import { poll } from "../lib/host/poller.ts";
import { inParallel } from "../lib/async/in-parallel.ts";
import type { consumerHandler } from "../lib/runtime/consumer-handler.ts";
import { logger } from "../lib/log.ts";
import { rabbitConnection } from "../lib/rabbit/connection.ts";
import { rabbitPublisher } from "../lib/rabbit/publisher.ts";
import type { BenchVhost } from "./vhost.ts";

const TIMEOUT_MS = 60_000;

/** Replaces the content of a queue with these messages. */
export async function fill(
  { url, purge }: Pick<BenchVhost, "url" | "purge">,
  { queue, messages }: { queue: string; messages: readonly object[] },
): Promise<void> {
  await purge(queue);
  const publisher = rabbitPublisher({ url, name: "bench", timeoutMs: TIMEOUT_MS });
  await inParallel(messages, 1_000, async (message) => {
    const body = Buffer.from(JSON.stringify(message));
    await publisher.publish({ exchange: "", routingKey: queue, body });
  });
  await publisher.close();
}

/**
 * Lets a function consume `count` messages from a queue through the host's poller, and closes it. One worker
 * of the host does the same, in a separate process.
 */
export async function consume(
  { url }: Pick<BenchVhost, "url">,
  {
    queue,
    count,
    batchSize,
    windowMs,
    consumer: { handler, prepare, close },
  }: {
    queue: string;
    count: number;
    batchSize: number;
    windowMs: number;
    consumer: Pick<ReturnType<typeof consumerHandler>, "handler" | "prepare" | "close">;
  },
): Promise<void> {
  const invoke = invokeWith({
    handler,
    functionName: "bench",
    timeoutMs: TIMEOUT_MS,
    onTimeout: () => process.exit(1),
  });
  const connection = rabbitConnection({ url, name: "bench" });
  const stop = new AbortController();
  let left = count;
  if (left > 0) {
    await poll(
      {
        connection,
        arn: "arn:bench",
        queue,
        vhost: "bench",
        batchSize,
        windowMs,
        prepare: () => prepare(queue),
        async invoke(event, signal) {
          await invoke(event, signal);
          left -= Object.values(event.rmqMessagesByQueue).flat().length;
          if (left === 0) stop.abort();
        },
        afterThrow: "one by one",
        filter: undefined,
        onOversize: () => Promise.reject(new Error("a bench must not send a message of that size")),
        onState: () => undefined,
        onTaken: () => undefined,
        onFiltered: () => undefined,
        onHandedBack: () => undefined,
        log: logger({ level: "error", name: "bench" }),
        random: Math.random,
      },
      { stop: stop.signal, handBack: new AbortController().signal },
    );
  }
  await connection.close();
  await close();
}
