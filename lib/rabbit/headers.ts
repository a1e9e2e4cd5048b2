import type { Delivery } from "../pipeline/message.ts";

/**
 * Our headers. Those that a handler reads are numbers, since Lambda's RabbitMQ event keeps numbers
 * and turns strings into byte arrays; reason and error are for people.
 */
export const HEADER = {
  attempt: "warren-attempt",
  generation: "warren-generation",
  /** Random, new with every publish: tells a redelivered copy from another copy. */
  copy: "warren-copy",
  /** Epoch ms. */
  notBefore: "warren-not-before",
  /** Epoch ms. */
  firstFailedAt: "warren-first-failed-at",
  /** Epoch ms. */
  deadAt: "warren-dead-at",
  reason: "warren-reason",
  error: "warren-error",
} as const;

/** No number of retries or replays comes near; keeps additions exact whatever a stranger sends. */
const MAX_COUNT = 1_000_000;
/** The last moment that a Date can hold. */
const MAX_TIME = 8.64e15;

/**
 * What the headers of a message say about it. Anybody may publish to a queue, so a value that is no
 * whole number within reason counts as absent, and absent ones mean a fresh message.
 */
export function deliveryHeaders(
  headers: Readonly<Record<string, unknown>> | null | undefined,
): Omit<Delivery, "body"> {
  const read = (name: string, min: number, max: number): number | undefined => {
    const value = headers?.[name];
    return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? (value as number)
      : undefined;
  };
  return {
    attempt: read(HEADER.attempt, 1, MAX_COUNT) ?? 1,
    generation: read(HEADER.generation, 1, MAX_COUNT) ?? 1,
    copy: read(HEADER.copy, 0, Number.MAX_SAFE_INTEGER),
    notBefore: read(HEADER.notBefore, 0, MAX_TIME),
    firstFailedAt: read(HEADER.firstFailedAt, 0, MAX_TIME),
    // Set by quorum queues.
    deliveryCount: read("x-delivery-count", 0, Number.MAX_SAFE_INTEGER) ?? 0,
  };
}
