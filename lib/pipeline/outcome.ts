import type { Envelope } from "../envelope/envelope.ts";
import type { Delivery } from "./delivery.ts";

/**
 * What should happen to one delivery. The pipeline only decides; settle.ts carries the decision
 * out, so this file is the whole vocabulary. `reason` is short and stable, `error` is the detail.
 */
export type Outcome =
  | { kind: "done" }
  /** Done before, or another copy of it in this batch stands for it. */
  | { kind: "duplicate" }
  /** A copy with a higher attempt or generation was forwarded already. */
  | { kind: "superseded" }
  /** Again later, as the next attempt. */
  | ({ kind: "retry"; delayMs: number; notBefore?: number } & Why)
  /** Again later, as the same attempt: not the message's fault. */
  | ({ kind: "defer"; delayMs: number } & Why)
  /** For people. `idReused`: the row belongs to the other event of this id and stays untouched. */
  | ({ kind: "dead"; idReused?: true } & Why)
  /** A send may or may not have gone out; `next` is the operator's choice. */
  | ({ kind: "uncertain"; next: "resend" | "dead-letter"; delayMs: number } & Why);

export type Why = { reason: string; error: string };

/** What became of a delivery; `event` is absent when the body could not be read. */
export type Settled = {
  delivery: Delivery;
  event: Envelope | undefined;
  outcome: Outcome;
};
