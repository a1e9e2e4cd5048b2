import { inParallel } from "../../lib/async/in-parallel.ts";
import { NotNowError, OutageError } from "../../lib/pipeline/errors.ts";
import {
  BrokerUnavailableError,
  ChannelLostError,
  PublishRefusedError,
  PublishUnknownError,
  UnroutableError,
} from "../../lib/rabbit/errors.ts";
import type { RabbitMessage, RabbitPublisher } from "../../lib/rabbit/publisher.ts";

/** Unconfirmed requests at a time. With 256 KiB each they fit into the publisher's buffer. */
const IN_FLIGHT = 200;

/**
 * After a publish without a verdict, its queue is skipped for this long, ms. Each such publish waits for
 * 5 s, and the requests of other channels would wait with it.
 */
const SILENCE_MS = 30_000;

/** No queue has this name. */
const NOWHERE = "warren.probe";

/** A request and its owner. `message` is called just before the publish, since thousands may wait. */
export type Outgoing<Owner> = { owner: Owner; message: () => RabbitMessage };

/** Publishes requests to the queues of the senders. */
export type Outbox = {
  /**
   * Publishes all messages with confirms. Returns the owners with a message that failed, each with its
   * first error: the message could not be made, or its queue is full, missing, or gives no verdict in
   * time. The owner's other messages may be published. Throws OutageError if the connection to the broker
   * is lost; then any message may be published. It is harmless to publish all of them again.
   */
  publish<Owner>(
    outgoing: readonly Outgoing<Owner>[],
    signal: AbortSignal,
  ): Promise<Map<Owner, unknown>>;
  /** Throws unless the broker confirms messages now and has the exchange. */
  probe(): Promise<void>;
};

export function rabbitOutbox({
  publisher,
  requireExchange,
  now,
}: {
  publisher: Pick<RabbitPublisher, "publish">;
  /** Rejects if the exchange `events` is missing: a publish to it would close the channel. */
  requireExchange: () => Promise<void>;
  /** Epoch ms. */
  now: () => number;
}): Outbox {
  /** Queues that gave no verdict, by routing key: until when they are skipped, and the error. */
  const silent = new Map<string, { until: number; failure: unknown }>();

  async function send(message: RabbitMessage): Promise<void> {
    const { routingKey } = message;
    const silence = silent.get(routingKey);
    if (silence !== undefined && now() < silence.until) throw silence.failure;
    try {
      await publisher.publish(message);
    } catch (error) {
      if (isLost(error)) {
        throw new OutageError(`the broker is lost: ${error.message}`, { cause: error });
      }
      if (!isOfQueue(error)) throw error;
      const failure = new NotNowError(error.message, { cause: error });
      if (error instanceof PublishUnknownError) {
        silent.set(routingKey, { until: now() + SILENCE_MS, failure });
      }
      throw failure;
    }
  }

  return {
    async publish<Owner>(outgoing: readonly Outgoing<Owner>[], signal: AbortSignal) {
      const failures = new Map<Owner, unknown>();
      await inParallel(outgoing, IN_FLIGHT, async ({ owner, message }) => {
        signal.throwIfAborted();
        try {
          await send(message());
        } catch (error) {
          if (error instanceof OutageError) throw error;
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
        // Returned and confirmed: the broker works, and has stored nothing.
        if (!(error instanceof UnroutableError)) throw error;
      }
    },
  };
}

function isLost(error: unknown): error is Error {
  return error instanceof BrokerUnavailableError || error instanceof ChannelLostError;
}

/** The queue is full, missing, or gives no verdict. The broker and the other queues work. */
function isOfQueue(error: unknown): error is Error {
  const errors = [PublishRefusedError, UnroutableError, PublishUnknownError];
  return errors.some((one) => error instanceof one);
}
