import type { Forward } from "../pipeline/message.ts";
import { waitFor, waitsOf } from "../pipeline/waits.ts";
import { HEADER } from "./headers.ts";
import { deadQueue, retryQueue } from "./names.ts";
import type { RabbitPublisher } from "./publisher.ts";

/** Headers travel in one frame of at most 128 KiB; a larger one costs the whole connection. */
const REASON_BYTES = 256;
const ERROR_BYTES = 2_048;

/**
 * Sends the unfinished messages of `queue` on to its retry queues and dead letters. Copies carry the
 * original bytes and our own headers only: a foreign `CC`, `expiration` or `x-death` would route or
 * expire them otherwise. Rejects with the publisher's errors.
 */
export function rabbitForward({
  publisher,
  queue,
  retryDelays,
  onRetry = () => {},
}: {
  publisher: Pick<RabbitPublisher, "publish">;
  queue: string;
  /** ms; the topology was made with the same. */
  retryDelays: readonly number[];
  /** Told which retry queue took a copy: its TTL, ms. */
  onRetry?: (tier: number) => void;
}): Forward {
  const waits = waitsOf(retryDelays);
  return {
    async retry({ body }, { attempt, generation, delayMs, notBefore, suspect, firstFailedAt }) {
      const tier = waitFor(delayMs, waits);
      await publisher.publish({
        exchange: "",
        routingKey: retryQueue(queue, tier),
        body,
        headers: {
          [HEADER.attempt]: attempt,
          [HEADER.generation]: generation,
          ...(notBefore !== undefined && { [HEADER.notBefore]: Math.ceil(notBefore) }),
          ...(suspect && { [HEADER.suspect]: 1 }),
          ...(firstFailedAt !== undefined && { [HEADER.firstFailedAt]: firstFailedAt }),
        },
      });
      onRetry(tier);
    },

    async deadLetter({ body, attempt, generation }, { reason, error, deadAt, firstFailedAt }) {
      await publisher.publish({
        exchange: "",
        routingKey: deadQueue(queue),
        body,
        headers: {
          [HEADER.attempt]: attempt,
          [HEADER.generation]: generation,
          [HEADER.reason]: headerText(reason, REASON_BYTES),
          [HEADER.error]: headerText(error, ERROR_BYTES),
          [HEADER.deadAt]: deadAt,
          ...(firstFailedAt !== undefined && { [HEADER.firstFailedAt]: firstFailedAt }),
        },
      });
    },
  };
}

/** One line without stack frames and control characters, cut between characters to fit `maxBytes`. */
export function headerText(text: string, maxBytes: number): string {
  const line = text
    .slice(0, 8 * maxBytes)
    .replace(/^\s*at .+:\d+:\d+\)?$/gm, "")
    .replace(/[\p{Cc}\s]+/gu, " ")
    .trim();
  const { read } = new TextEncoder().encodeInto(line, new Uint8Array(maxBytes));
  return line.slice(0, read).toWellFormed();
}
