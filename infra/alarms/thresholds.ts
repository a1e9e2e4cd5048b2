/**
 * The only place with thresholds of alarms. CloudWatch's alarms (infra/aws) and Prometheus' rules
 * (infra/prometheus) use them. `limit` is in the metric's unit; a state must last `minutes`.
 */
export const THRESHOLDS = {
  /** More messages wait than this. */
  depth: { limit: 10_000, minutes: 5 },
  /** No consumer at all. A deployment takes less. */
  consumers: { limit: 0, minutes: 3 },
  /** Consumers hold more messages than this. */
  unacked: { limit: 1_000, minutes: 10 },
  /** Used share of a queue's bound. A full queue refuses publishers. */
  fill: { limit: 0.5, minutes: 5 },
  /** More dead letters, or unconsumed events, than this. */
  kept: { limit: 0, minutes: 1 },
  /** p99 of the seconds from an event to its outcome: three times the longest retry delay. */
  age: { limit: 900, minutes: 10 },
  /** A sink that does not answer. */
  outage: { minutes: 3 },
  /** A management API that does not answer. */
  broker: { minutes: 3 },
  /** Failures in this many of five minutes are no accident. */
  failures: { minutes: 3, of: 5 },
  /** Standard deviations from the usual rate. */
  baseline: { limit: 3, minutes: 15 },
} as const;
