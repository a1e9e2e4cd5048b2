/** What an alarm tells whoever it wakes; docs/operations.md has a heading for each. */
export type AlarmText = {
  /** What is the case. */
  means: string;
  /** What to do first. */
  first: string;
};

export const ALARMS = {
  "queue-too-deep": {
    means: "Messages come faster than their function settles them; events reach its sink late.",
    first: "See whether the function fails or its sink is slow; if neither, give it more workers.",
  },
  "queue-without-consumer": {
    means: "Nobody takes messages from this queue; they wait, none is lost.",
    first: "See whether its trigger is enabled and the queue exists (npm run topology -- check).",
  },
  "queue-unacked": {
    means: "Consumers hold many messages that they do not settle.",
    first: "See how long batches take; if workers times batch size is more, that is why.",
  },
  "queue-half-full": {
    means: "Half of the queue's bound is used; once it is full, ingest answers 503 to this type.",
    first: "Find out why nobody empties it, as for queue-too-deep, before it is full.",
  },
  "queue-rate-unusual": {
    means: "Far more or fewer messages than usual come into this queue.",
    first: "Ask what the producers do; if ingest answers as usual, it is not Warren.",
  },
  "dead-letters": {
    means: "Messages could not be handled and wait for a person, with the reason.",
    first: "npm run warren -- dead-letters list, then retry or discard them.",
  },
  "unconsumed-events": {
    means: "Events of known types came that no function consumes; they are kept.",
    first:
      "npm run warren -- dead-letters list events.unconsumed; deploy what should consume them.",
  },
  "events-late": {
    means: "1 % of the events were settled a quarter of an hour or more after they happened.",
    first: "See the queue's depth and the function's retries; late producers look the same.",
  },
  "sink-down": {
    means: "The function's sink does not answer; its batch is held, no attempt is spent.",
    first: "Bring the sink back; nothing has to be replayed.",
  },
  "ledger-failing": {
    means: "The ledger cannot be read or written; the batches come again.",
    first: "See the log for LedgerUnavailableError: table, permissions, throttling.",
  },
  "function-failing": {
    means: "Runs of the function fail: batches are handed back and come again.",
    first: 'Read the function\'s log for "batch handed back" and its error.',
  },
  "function-throttled": {
    means: "Lambda refuses to run the function: its concurrency is used up.",
    first: "Compare its reserved concurrency and the account's limit with what comes in.",
  },
  "function-not-running": {
    means: "No process of the function is at work in a host.",
    first: "Ask the host's /status why: it names the problem.",
  },
  "ingest-failing": {
    means: "Events are answered with 503: the broker does not take them. Clients repeat.",
    first: "See whether the broker is reachable, blocked by an alarm of its own, or a queue full.",
  },
  "broker-silent": {
    means:
      "The broker's management API does not answer, or nobody asks it: all figures of queues are missing.",
    first: "See whether the broker runs and whether queue-metrics does.",
  },
} as const satisfies Record<string, AlarmText>;

export type AlarmName = keyof typeof ALARMS;

/** Where the rest is written. */
export function runbookOf(name: AlarmName): string {
  return `docs/operations.md#${name}`;
}
