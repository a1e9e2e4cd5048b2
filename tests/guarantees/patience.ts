/** Limits in ms, long enough for a busy machine. */
export type Patience = {
  /** For the decisive moment of a scenario. */
  momentMs: number;
  /** Until everything is at rest. */
  restMs: number;
};

export const PATIENT: Patience = { momentMs: 90_000, restMs: 180_000 };

/** Shorter with a fault: some moments never come then. */
export const FAULTY: Patience = { momentMs: 30_000, restMs: 75_000 };
