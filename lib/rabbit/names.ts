/** The exchange that events are published to, with their type as routing key. */
export const EVENTS_EXCHANGE = "events";
/** Keeps the events of known types that no consumer accepts: the alternate exchange and its queue. */
export const UNCONSUMED = "events.unconsumed";

/** Where messages of a queue wait for `delayMs`: `events.neo4j.retry.30s`. */
export function retryQueue(queue: string, delayMs: number): string {
  return `${queue}.retry.${durationText(delayMs)}`;
}

/** Where the messages of a queue wait for people: `dead.events.neo4j`. */
export function deadQueue(queue: string): string {
  return `dead.${queue}`;
}

/** Where what concerns a queue waits for people: its dead letters, or the unconsumed events as they are. */
export function keptQueue(queue: string): string {
  return queue === UNCONSUMED ? UNCONSUMED : deadQueue(queue);
}

const UNITS = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** Whole ms in the largest unit that divides them: 300000 is `5m`, 1500 is `1500ms`. */
export function durationText(ms: number): string {
  const [unit, size] = UNITS.find(([, length]) => ms % length === 0) ?? (["ms", 1] as const);
  return `${ms / size}${unit}`;
}
