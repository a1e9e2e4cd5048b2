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

/** Requests on their way to the broker. Of 256 KiB each they stay below what a publisher holds. */
const IN_FLIGHT = 200;

/**
 * For how long a queue that gave no verdict is not asked again, ms: each time costs what a publish waits
 * (5 s), and the other channels' requests would wait with it.
 */
const SILENCE_MS = 30_000;

/** Nobody has a queue of this name. */
const NOWHERE = "warren.probe";

/** A request of somebody; made only when it is published, since thousands may wait. */
export type Outgoing<Owner> = { owner: Owner; message: () => RabbitMessage };

/** Where requests to send go: to the queues of the channels' senders, through the broker. */
export type Outbox = {
  /**
   * Publishes every message of every owner, confirmed. Returns owners of whose messages one could not be
   * made, or was not taken by its queue (which is full, is not there, or says nothing in time), each with
   * the first error; the others may be published. Throws OutageError when the broker is lost: anything
   * may be published then. To publish all of them again is harmless.
   */
  publish<Owner>(
    outgoing: readonly Outgoing<Owner>[],
    signal: AbortSignal,
  ): Promise<Map<Owner, unknown>>;
  /** Proves that the broker takes and judges messages now, and has the exchange, or throws. */
  probe(): Promise<void>;
};

export function rabbitOutbox({
  publisher,
  requireExchange,
  now,
}: {
  publisher: Pick<RabbitPublisher, "publish">;
  /** Rejects unless the exchange `events` is there: a publish to none costs the whole channel. */
  requireExchange: () => Promise<void>;
  /** Epoch ms. */
  now: () => number;
}): Outbox {
  /** Of queues that gave no verdict, by routing key: until when they are not asked again, and why. */
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
        // Returned and confirmed: the broker has judged it, and nothing is stored.
        if (!(error instanceof UnroutableError)) throw error;
      }
    },
  };
}

function isLost(error: unknown): error is Error {
  return error instanceof BrokerUnavailableError || error instanceof ChannelLostError;
}

/** It is full, it is not there, or it says nothing: the broker and the other queues are well. */
function isOfQueue(error: unknown): error is Error {
  const errors = [PublishRefusedError, UnroutableError, PublishUnknownError];
  return errors.some((one) => error instanceof one);
}
