import { inParallel } from "../../lib/ledger/in-parallel.ts";
import { OutageError } from "../../lib/pipeline/errors.ts";
import { BrokerUnavailableError, UnroutableError } from "../../lib/rabbit/errors.ts";
import type { RabbitMessage, RabbitPublisher } from "../../lib/rabbit/publisher.ts";

/** Requests on their way to the broker. Of 256 KiB each they stay below what a publisher holds. */
const IN_FLIGHT = 200;

/** Nobody has a queue of this name. */
const NOWHERE = "warren.probe";

/** Where requests to send go: to the queues of the channels' senders, through the broker. */
export type Outbox = {
  /**
   * Publishes every message of every owner, confirmed. Returns owners whose message was refused (a full
   * queue), fitted no queue, or got no verdict in time, each with its first error; their other messages
   * may be published, and all of theirs may be published again. Throws OutageError when the broker
   * cannot be reached.
   */
  publish<Owner>(
    messages: readonly { owner: Owner; message: RabbitMessage }[],
    signal: AbortSignal,
  ): Promise<Map<Owner, unknown>>;
  /** Proves that the broker takes and judges messages now, or throws. */
  probe(): Promise<void>;
};

export function rabbitOutbox(publisher: Pick<RabbitPublisher, "publish">): Outbox {
  return {
    async publish<Owner>(
      messages: readonly { owner: Owner; message: RabbitMessage }[],
      signal: AbortSignal,
    ) {
      const failures = new Map<Owner, unknown>();
      await inParallel(messages, IN_FLIGHT, async ({ owner, message }) => {
        signal.throwIfAborted();
        try {
          await publisher.publish(message);
        } catch (error) {
          if (error instanceof BrokerUnavailableError) throw outage(error);
          if (!failures.has(owner)) failures.set(owner, error);
        }
      });
      return failures;
    },

    async probe() {
      const body = Buffer.from("probe");
      try {
        await publisher.publish({ exchange: "", routingKey: NOWHERE, body });
      } catch (error) {
        // Returned and confirmed: the broker has judged it, and nothing is stored.
        if (error instanceof UnroutableError) return;
        throw outage(error);
      }
    },
  };
}

function outage(cause: unknown): OutageError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new OutageError(`the broker takes no requests: ${text}`, { cause });
}
