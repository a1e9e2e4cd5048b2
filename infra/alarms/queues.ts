import { deadQueue, UNCONSUMED } from "../../lib/rabbit/names.ts";

/** What a queue is for, as its name says (lib/rabbit/names.ts). */
type QueueKind = "work" | "retry" | "dead" | "unconsumed";

export function kindOf(queue: string): QueueKind {
  if (queue === UNCONSUMED) return "unconsumed";
  if (queue.startsWith(deadQueue(""))) return "dead";
  return /\.retry\.[0-9]+(ms|s|m|h)$/.test(queue) ? "retry" : "work";
}
