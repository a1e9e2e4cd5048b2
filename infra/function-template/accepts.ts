import type { EventOfType, EventType } from "../../events/catalogue.ts";

/** Bound to this function's queue: `npm run topology -- apply` after a change. */
export const accepts = ["order.created"] as const satisfies EventType[];

/** An event that this function understands. */
export type Accepted = EventOfType<(typeof accepts)[number]>;
