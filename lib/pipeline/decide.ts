import type { Claimed, Forwarded, Row } from "../ledger/ledger.ts";
import { compareRank, type Delivery, type Outcome } from "./message.ts";

/** After so many crashes under its claim, alone, a message is dead without another try. */
export const MAX_CRASHES = 3;

/**
 * How a message travels: with others and without a claim, with a few others under claims, or alone;
 * alone repeatably, or once.
 */
export type Mode = "group" | "shared" | "alone" | "once";

export type Decision =
  | { kind: "settle"; outcome: Outcome }
  /** Apply without a claim, together with others. */
  | { kind: "group" }
  /** Not with others: decide again for a message alone. */
  | { kind: "alone" }
  /** Claim, over the row that was looked at; `crashes` are the tokens taken over so far. */
  | { kind: "claim"; crashes: readonly string[]; sending: boolean; beneath: Forwarded | undefined };

/** What the decision needs to know of this process: its name and the time. */
type Here = { process: string; now: number };

/**
 * The truth table of docs/message-lifecycle.md: what to do with a message whose event has this row.
 * Pure; a claim that fails because the row changed is decided again with the row that stands.
 */
export function decide(
  row: Row | undefined,
  { delivery, digest }: { delivery: Delivery; digest: string },
  mode: Mode,
  here: Here,
): Decision {
  const decision = byRow(row, delivery, digest, mode, here);
  const early = (delivery.notBefore ?? 0) - here.now;
  if (decision.kind === "settle" || early <= 0) return decision;
  return defer(early, "not before its time");
}

/** Whether a claim belongs to this process start. */
function isOurs(row: Claimed, process: string): boolean {
  return row.token.startsWith(`${process}:`);
}

function byRow(
  row: Row | undefined,
  delivery: Delivery,
  digest: string,
  mode: Mode,
  here: Here,
): Decision {
  if (row === undefined) return fresh(mode, undefined);
  if (row.state === "unreadable") return dead("unreadable ledger row", row.error);
  if (row.digest !== digest) return idWornTwice(row, here);

  switch (row.state) {
    case "done":
      return { kind: "settle", outcome: { kind: "duplicate" } };
    case "forwarded":
      return overForwarded(row, delivery, mode);
    case "claimed":
      return overClaim(row, delivery, mode, here);
  }
}

function overForwarded(row: Forwarded, delivery: Delivery, mode: Mode): Decision {
  if (compareRank(row, delivery) > 0) return superseded;
  if (row.generation < delivery.generation) return fresh(mode, row);
  // This is that copy, or a record of a later one was lost. Its attempt is above 1, so alone.
  return isWithOthers(mode) ? { kind: "alone" } : fresh(mode, row);
}

function overClaim(row: Claimed, delivery: Delivery, mode: Mode, here: Here): Decision {
  if (compareRank(row, delivery) > 0) return superseded;

  const ours = isOurs(row, here.process);
  const replayed = row.generation < delivery.generation;
  const { beneath, sending, shared } = row;
  const claim = (crashes: readonly string[]): Decision => ({
    kind: "claim",
    crashes: replayed ? [] : crashes,
    sending,
    beneath,
  });

  if (ours) {
    const again = !isWithOthers(mode) || (mode === "shared" && shared && !replayed);
    return again ? claim(row.crashes) : { kind: "alone" };
  }
  const lost = isThisVeryCopy(row, delivery);
  const isKnownDead = (mode === "shared" || mode === "alone") && (lost || replayed);
  if (row.until > here.now && !isKnownDead) return busy(row, here);
  if (isWithOthers(mode)) return { kind: "alone" };
  return claim(shared ? row.crashes : withCrash(row));
}

function isWithOthers(mode: Mode): boolean {
  return mode === "group" || mode === "shared";
}

/** The copy that was claimed has come back, so its claimer lost it: no need to wait for the lease. */
function isThisVeryCopy(row: Claimed, delivery: Delivery): boolean {
  return (
    row.copy !== undefined &&
    row.copy === delivery.copy &&
    delivery.deliveryCount > row.deliveryCount
  );
}

function withCrash(row: Claimed): string[] {
  return [...new Set([...row.crashes, row.token])];
}

function fresh(mode: Mode, beneath: Forwarded | undefined): Decision {
  if (mode === "group") return { kind: "group" };
  return { kind: "claim", crashes: [], sending: false, beneath };
}

function idWornTwice(row: Row, here: Here): Decision {
  if (row.state === "claimed" && row.until > here.now) return busy(row, here);
  return { kind: "settle", outcome: idReused };
}

/** Waits for the lease. Whatever another process may have died of goes alone from then on. */
function busy(row: Claimed, here: Here): Decision {
  return defer(row.until - here.now, "claimed by another", { suspect: true });
}

function defer(delayMs: number, reason: string, mark: { suspect?: true } = {}): Decision {
  return { kind: "settle", outcome: { kind: "defer", delayMs, reason, error: "", ...mark } };
}

function dead(reason: string, error: string): Decision {
  return { kind: "settle", outcome: { kind: "dead", rowStays: true, reason, error } };
}

const superseded: Decision = { kind: "settle", outcome: { kind: "superseded" } };

export const idReused: Outcome = {
  kind: "dead",
  rowStays: true,
  reason: "id reused",
  error: "another event was received under this id before",
};
