import { randomUUID } from "node:crypto";
import type { Asked, Claimed, Done, Forwarded, Key, Ledger } from "../../lib/ledger/ledger.ts";

/** Opens the ledger of one consumer; all that one suite opens share their rows' store. */
export type CreateLedger = (options: { consumer: string; now: () => number }) => Ledger;

export function idKey(id: string): Key {
  return { tenant: "acme", source: "shop", id };
}

/** As a message asks that was delivered before. */
export function asked(key: Key): Asked {
  return { key, digest: DIGEST, fresh: false };
}

const DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

export function done(): Done {
  return { state: "done", rev: randomUUID(), digest: DIGEST };
}

export function forwarded(changes: Partial<Forwarded> = {}): Forwarded {
  const row = { rev: randomUUID(), digest: DIGEST, attempt: 2, generation: 1 };
  return { state: "forwarded", ...row, ...changes };
}

export function claimed(changes: Partial<Claimed> = {}): Claimed {
  return {
    state: "claimed",
    rev: randomUUID(),
    digest: DIGEST,
    token: `process:${randomUUID()}`,
    until: Date.UTC(2100, 0, 1) + 60_000,
    attempt: 1,
    generation: 1,
    copy: 123_456_789,
    deliveryCount: 0,
    crashes: [],
    sending: false,
    shared: false,
    beneath: undefined,
    ...changes,
  };
}
