import { durationText } from "../duration.ts";

/** The exchange that events are published to, with their type as routing key. */
export const EVENTS_EXCHANGE = "events";
/** Keeps the events of known types that no consumer accepts: the alternate exchange and its queue. */
export const UNCONSUMED = "events.unconsumed";

/** Where messages of a queue wait for `waitMs`: `events.neo4j.retry.30s`. */
export function retryQueue(queue: string, waitMs: number): string {
  return `${queue}.retry.${durationText(waitMs)}`;
}

/** Where the messages of a queue wait for people: `dead.events.neo4j`. */
export function deadQueue(queue: string): string {
  return `dead.${queue}`;
}

/** Where what concerns a queue waits for people: its dead letters, or the unconsumed events as they are. */
export function keptQueue(queue: string): string {
  return queue === UNCONSUMED ? UNCONSUMED : deadQueue(queue);
}
