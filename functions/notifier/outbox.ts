import { inParallel } from "../../lib/in-parallel.ts";
import { OutageError } from "../../lib/pipeline/errors.ts";
import {
  BrokerUnavailableError,
  ChannelLostError,
  UnroutableError,
} from "../../lib/rabbit/errors.ts";
import type { RabbitMessage, RabbitPublisher } from "../../lib/rabbit/publisher.ts";

/** Requests on their way to the broker. Of 256 KiB each they stay below what a publisher holds. */
const IN_FLIGHT = 200;

/** Nobody has a queue of this name. */
const NOWHERE = "warren.probe";

/** Where requests to send go: to the queues of the channels' senders, through the broker. */
export type Outbox = {
  /**
   * Publishes every message of every owner, confirmed. Returns owners of whose messages a queue took one
   * not (because it is full, is not there, or says nothing in time), each with the first error; the
   * others may be published. Throws OutageError when the broker is lost: anything may be published then.
   * To publish all of them again is harmless.
   */
  publish<Owner>(
    messages: readonly { owner: Owner; message: RabbitMessage }[],
    signal: AbortSignal,
  ): Promise<Map<Owner, unknown>>;
  /** Proves that the broker takes and judges messages now, and has the exchange, or throws. */
  probe(): Promise<void>;
};

export function rabbitOutbox({
  publisher,
  requireExchange,
}: {
  publisher: Pick<RabbitPublisher, "publish">;
  /** Rejects unless the exchange `events` is there: a publish to none costs the whole channel. */
  requireExchange: () => Promise<void>;
}): Outbox {
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
          if (error instanceof BrokerUnavailableError || error instanceof ChannelLostError) {
            throw outage(error);
          }
          if (!failures.has(owner)) failures.set(owner, error);
        }
      });
      return failures;
    },

    async probe() {
      await requireExchange();
      const body = Buffer.from("probe");
      try {
        await publisher.publish({ exchange: "", routingKey: NOWHERE, body });
      } catch (error) {
        // Returned and confirmed: the broker has judged it, and nothing is stored.
        if (!(error instanceof UnroutableError)) throw error;
      }
    },
  };
}

function outage(cause: unknown): OutageError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new OutageError(`the broker takes no requests: ${text}`, { cause });
}
