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
  /** 1: the message may have ended a process, so it goes alone. */
  suspect: "warren-suspect",
  /** Epoch ms. */
  firstFailedAt: "warren-first-failed-at",
  /** Epoch ms. */
  deadAt: "warren-dead-at",
  reason: "warren-reason",
  error: "warren-error",
} as const;
