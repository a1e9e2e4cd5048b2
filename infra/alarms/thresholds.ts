/**
 * When somebody is called: the one place. CloudWatch's alarms (infra/aws) and Prometheus' rules
 * (infra/prometheus) are made of it. `limit` in the metric's own unit; a state must last `minutes`.
 */
export const THRESHOLDS = {
  /** More messages wait than this. */
  depth: { limit: 10_000, minutes: 5 },
  /** No consumer at all. A deployment takes less. */
  consumers: { limit: 0, minutes: 3 },
  /** More messages are held by consumers than this. */
  unacked: { limit: 1_000, minutes: 10 },
  /** So much of a queue's bound is used: at all of it publishers are refused. */
  fill: { limit: 0.5, minutes: 5 },
  /** More dead letters, or unconsumed events, than this. */
  kept: { limit: 0, minutes: 1 },
  /** p99 of the seconds from an event to its outcome: three times the longest retry delay. */
  age: { limit: 900, minutes: 10 },
  /** A sink that does not answer. */
  outage: { minutes: 3 },
  /** A management API that does not answer. */
  broker: { minutes: 3 },
  /** Failures that come in so many of five minutes are no accident. */
  failures: { minutes: 3, of: 5 },
  /** Standard deviations from what is usual. */
  baseline: { limit: 3, minutes: 15 },
} as const;
