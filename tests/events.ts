import { checkEvent, contracts, type WarrenEvent } from "../events/catalogue.ts";

/** A second of a minute long ago, as events have it. */
export const at = (second: number) => `2026-11-20T10:00:0${second}.000000Z`;

/** An event as its consumers get it. Throws for data that its contract refuses. */
export function eventOf<Event extends WarrenEvent>(
  type: string,
  id: string,
  second: number,
  data: object,
  tenant_id = "t",
): Event {
  const metadata = { version: "1.0" };
  const document = { id, type, source: "test", timestamp: at(second), tenant_id, metadata, data };
  const { value, issues } = checkEvent(document, Infinity);
  if (value === undefined) throw new Error(JSON.stringify(issues));
  return value.event as Event;
}

export function sampleOf(type: string): object {
  return contracts.find((each) => each.type === type)!.sample;
}
