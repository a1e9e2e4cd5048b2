/** The text of an alarm; docs/operations.md has a heading for each. */
type AlarmText = {
  /** What the alarm means. */
  means: string;
  /** What to do first. */
  first: string;
};

export const ALARMS = {
  "queue-too-deep": {
    means: "Messages arrive faster than their function settles them; events reach its sink late.",
    first: "Check whether the function fails or its sink is slow; if neither, add workers.",
  },
  "queue-without-consumer": {
    means: "Nobody consumes this queue. Its messages wait; none is lost.",
    first: "Check whether its trigger is enabled and the queue exists (npx warren topology check).",
  },
  "queue-unacked": {
    means: "Consumers hold many messages that they do not settle.",
    first:
      "Check how long batches take. Workers times batch size above the limit is normal under load.",
  },
  "queue-half-full": {
    means:
      "Half of the queue's bound is used. Once it is full, ingest answers 503 to its event types.",
    first: "Find out why it is not emptied, as for queue-too-deep, before it is full.",
  },
  "queue-rate-unusual": {
    means: "Far more or fewer messages than usual enter this queue.",
    first: "Check what the producers do. If ingest answers as usual, the cause is not Warren.",
  },
  "dead-letters": {
    means: "Messages failed for good. They wait for your decision, with the reason.",
    first: "Run npx warren dead-letters list <queue>, then retry or discard them.",
  },
  "unconsumed-events": {
    means: "Events of known types arrived that no function consumes. The queue keeps them.",
    first:
      "Run npx warren dead-letters list events.unconsumed; deploy a function that consumes them.",
  },
  "events-late": {
    means: "1 % of the events were settled 15 minutes or more after they happened.",
    first: "Check the queue's depth and the function's retries. Late producers look the same.",
  },
  "sink-down": {
    means: "The function's sink does not answer. Its batch is held; no attempt is spent.",
    first: "Bring the sink back. Do not replay anything.",
  },
  "ledger-failing": {
    means: "The ledger cannot be read or written. The broker redelivers the batches.",
    first: "Search the log for LedgerUnavailableError: table, permissions, throttling.",
  },
  "function-failing": {
    means: "Runs of the function fail: its batches are handed back and redelivered.",
    first: 'Read the function\'s log for "batch handed back" and its error.',
  },
  "function-throttled": {
    means: "Lambda refuses to run the function: its concurrency is used up.",
    first: "Compare its reserved concurrency and the account's limit with the incoming load.",
  },
  "function-not-running": {
    means: "No process of the function is working in a host.",
    first: "Open the host's /status: it names the problem.",
  },
  "ingest-failing": {
    means: "ingest answers 503: the broker does not accept events. Clients must repeat.",
    first: "Check whether the broker is reachable or blocked by its own alarm, or a queue is full.",
  },
  "broker-silent": {
    means:
      "The broker's management API does not answer, or nobody asks it. All queue metrics are missing.",
    first: "Check whether the broker and queue-metrics run.",
  },
} as const satisfies Record<string, AlarmText>;

export type AlarmName = keyof typeof ALARMS;

/** The alarm's section in the documentation. */
export function runbookOf(name: AlarmName): string {
  return `docs/operations.md#${name}`;
}
