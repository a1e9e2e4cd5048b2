import type { Received } from "../envelope/envelope.ts";
import { errorText } from "../error-text.ts";
import type { Key } from "../ledger/ledger.ts";
import type { Consumer } from "./consumer.ts";
import type { Delivery, Outcome } from "./message.ts";

/** A delivery that could be read. */
export type Letter = { delivery: Delivery; received: Received; key: Key };

export type Unreadable = { delivery: Delivery; received?: undefined };

/** A message and what should happen to it. */
export type Decided = { letter: Letter | Unreadable; outcome: Outcome };

/** Reads every delivery; what cannot be read is dead at once. */
export function open(
  deliveries: readonly Delivery[],
  consumer: Consumer,
): { letters: Letter[]; unreadable: Decided[] } {
  const letters: Letter[] = [];
  const unreadable: Decided[] = [];
  for (const delivery of deliveries) {
    try {
      const received = consumer.parse(delivery.body);
      const { tenant_id: tenant, id } = received.event;
      letters.push({ delivery, received, key: { tenant, id } });
    } catch (error) {
      const reason = "unreadable event";
      unreadable.push({
        letter: { delivery },
        outcome: { kind: "dead", reason, error: errorText(error) },
      });
    }
  }
  return { letters, unreadable };
}

/**
 * Several copies of an event may share a batch. Of copies with one digest the highest in rank is
 * kept and the others are duplicates of it; of two with equal rank, the one that was redelivered,
 * since only that one may take over its own claim. An event with another digest under the same id
 * waits: the first is not done yet, so nobody can say that the id was reused.
 */
export function dropCopies(
  letters: readonly Letter[],
  waitMs: number,
): { kept: Letter[]; copies: Decided[] } {
  const kept = new Map<string, Letter>();
  const copies: Decided[] = [];

  for (const letter of letters) {
    const key = keyText(letter.key);
    const rival = kept.get(key);
    if (rival === undefined) {
      kept.set(key, letter);
    } else if (rival.received.digest !== letter.received.digest) {
      copies.push({ letter, outcome: idShared(waitMs) });
    } else {
      const [winner, loser] = ranksHigher(letter, rival) ? [letter, rival] : [rival, letter];
      kept.set(key, winner);
      copies.push({ letter: loser, outcome: { kind: "duplicate" } });
    }
  }
  return { kept: [...kept.values()], copies };
}

/** A key as one string; no tenant and no id holds a NUL. */
export function keyText({ tenant, id }: Key): string {
  return `${tenant}\0${id}`;
}

export type Rank = { generation: number; attempt: number | "dead" };

/** Orders rows and messages by (generation, attempt), dead being the highest attempt. */
export function compareRank(a: Rank, b: Rank): number {
  if (a.generation !== b.generation) return a.generation - b.generation;
  if (a.attempt === b.attempt) return 0;
  if (a.attempt === "dead") return 1;
  if (b.attempt === "dead") return -1;
  return a.attempt - b.attempt;
}

function ranksHigher(letter: Letter, rival: Letter): boolean {
  const rank = compareRank(letter.delivery, rival.delivery);
  return rank !== 0 ? rank > 0 : letter.delivery.deliveryCount > rival.delivery.deliveryCount;
}

function idShared(waitMs: number): Outcome {
  return {
    kind: "defer",
    delayMs: waitMs,
    reason: "id shared in one batch",
    error: "another event with this id is in the same batch",
  };
}
