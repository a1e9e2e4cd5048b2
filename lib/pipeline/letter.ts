import type { Received } from "../envelope/envelope.ts";
import type { Key, Row } from "../ledger/ledger.ts";
import type { Consumer } from "./consumer.ts";
import type { Delivery } from "./delivery.ts";
import type { Outcome } from "./outcome.ts";

/** A delivery that could be read, with the ledger's row of its event as last seen. */
export type Letter = {
  delivery: Delivery;
  received: Received;
  key: Key;
  row: Row | undefined;
};

/** A delivery whose outcome needs no sink. */
export type Decided = { delivery: Delivery; letter: Letter | undefined; outcome: Outcome };

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
      letters.push({ delivery, received, key: { tenant, id }, row: undefined });
    } catch (error) {
      const outcome: Outcome = { kind: "dead", reason: "unreadable event", error: textOf(error) };
      unreadable.push({ delivery, letter: undefined, outcome });
    }
  }
  return { letters, unreadable };
}

/**
 * Several copies of an event may share a batch. Of those with one digest the one that stands
 * highest is kept and the others are duplicates of it; of two that stand level, the one that came
 * back, since only that one may take its own claim over. An event with another digest under the
 * same id waits: the first is not done yet, so nobody can say that the id was reused.
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
      copies.push({ delivery: letter.delivery, letter, outcome: idShared(waitMs) });
    } else {
      const [winner, loser] = standsHigher(letter, rival) ? [letter, rival] : [rival, letter];
      kept.set(key, winner);
      copies.push({ delivery: loser.delivery, letter: loser, outcome: { kind: "duplicate" } });
    }
  }
  return { kept: [...kept.values()], copies };
}

/** A key as one string; no tenant and no id holds a NUL. */
export function keyText({ tenant, id }: Key): string {
  return `${tenant}\0${id}`;
}

/** An error as people should read it: its name and message, never its stack. */
export function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
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

function standsHigher(letter: Letter, rival: Letter): boolean {
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
