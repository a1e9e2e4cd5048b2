import type { Claimed, Forwarded, Ledger, Row } from "../ledger/ledger.ts";
import type { Decision } from "./decide.ts";
import { compareRank, type Letter, type Rank } from "./letter.ts";

/** Another process took our claim over: nothing may be published or sent under it any more. */
export class LostClaimError extends Error {
  override name = "LostClaimError";
}

/** The right to settle one message. `letter.row` is its row as this process last saw it. */
export type Claim = {
  letter: Letter;
  token: string;
  /** Until the adapter says that nothing was sent, or the send is recorded. */
  mayHaveSent: boolean;
};

/**
 * All writes to the ledger: what each of them may replace is said here and nowhere else
 * (rules 4 to 9 of docs/message-lifecycle.md).
 */
export type Claims = ReturnType<typeof claimsIn>;

export function claimsIn({
  ledger,
  process,
  leaseMs,
  now,
  nonce,
}: {
  ledger: Ledger;
  process: string;
  leaseMs: number;
  now: () => number;
  nonce: () => string;
}) {
  /** Claims whose fate is open: whoever leaves by a throw releases them. */
  const held = new Set<Claim>();

  /** Claims over the row that was looked at. `undefined` if it has changed: then decide again. */
  async function take(
    letter: Letter,
    { crashes, sending, beneath }: Extract<Decision, { kind: "claim" }>,
  ): Promise<Claim | undefined> {
    const { delivery, received, key } = letter;
    const claim: Claim = { letter, token: `${process}:${nonce()}`, mayHaveSent: sending };
    const to: Claimed = {
      state: "claimed",
      rev: nonce(),
      digest: received.digest,
      token: claim.token,
      until: now() + leaseMs,
      attempt: delivery.attempt,
      generation: delivery.generation,
      copy: delivery.copy,
      deliveryCount: delivery.deliveryCount,
      crashes,
      sending,
      beneath,
    };
    const over = letter.row;
    // Before the write: a claim whose reply is lost has to be released as well.
    held.add(claim);
    letter.row = to;
    const [verdict] = await ledger.swap([{ key, over, to }]);
    if (verdict?.written) return claim;
    held.delete(claim);
    letter.row = verdict?.row;
    return undefined;
  }

  /** Marks that a send is about to start. Throws LostClaimError: then nothing may be sent. */
  async function markSending(claim: Claim): Promise<void> {
    const marked = await amendOwn(claim, (row) => ({ ...row, rev: nonce(), sending: true }));
    if (!marked) throw new LostClaimError("the claim was lost before the send");
    claim.mayHaveSent = true;
  }

  /** Throws LostClaimError unless the claim still is ours. */
  async function check(claim: Claim): Promise<void> {
    [claim.letter.row] = await ledger.look([claim.letter.key]);
    if (isOwn(claim.letter.row, claim)) return;
    throw new LostClaimError("the claim was lost before the outcome could be published");
  }

  /** The sink's proof has decided, so `done` overwrites none, forwarded and anybody's claim. */
  async function complete(letters: readonly Letter[]): Promise<void> {
    await amend(letters, (row, { received }) =>
      row?.state === "done" ? stay : { state: "done", rev: nonce(), digest: received.digest },
    );
  }

  /** Completes a message alone; without a proof in the sink only the owner may. */
  async function completeOwn(claim: Claim, { repeatable }: { repeatable: boolean }): Promise<void> {
    const { digest } = claim.letter.received;
    if (repeatable) await complete([claim.letter]);
    else if (!(await amendOwn(claim, () => ({ state: "done", rev: nonce(), digest })))) {
      throw new LostClaimError("the claim was lost before the send was recorded");
    }
    held.delete(claim);
  }

  /** After the confirm of a copy of a message alone: only while the token is ours. */
  async function forwardOwn(claim: Claim, rank: Rank): Promise<void> {
    const ours = await amendOwn(claim, (row) => forwarded(row.digest, rank));
    if (!ours) await withdraw(claim);
    held.delete(claim);
  }

  /** After the confirm of a group's copies: only over none or a lower forwarded row of the event. */
  async function forward(letters: readonly Letter[], rankOf: (letter: Letter) => Rank) {
    await amend(letters, (row, letter) => {
      const { digest } = letter.received;
      const lower =
        row?.state === "forwarded" && row.digest === digest && compareRank(row, rankOf(letter)) < 0;
      return row === undefined || lower ? forwarded(digest, rankOf(letter)) : stay;
    });
  }

  /** Restores the row beneath, unless a send may have gone out: then the lease has to run out. */
  async function release(claim: Claim): Promise<void> {
    const { mayHaveSent } = claim;
    const ours = await amendOwn(claim, ({ beneath }) =>
      mayHaveSent ? stay : beneath && { ...beneath, rev: nonce() },
    );
    if (!ours) await withdraw(claim);
    held.delete(claim);
  }

  /** For every way out by a throw; best effort, since the throw may come from the ledger itself. */
  async function releaseAll(): Promise<void> {
    await Promise.allSettled([...held].map(release));
    held.clear();
  }

  /** We are alive: that our claim was taken over was no crash. */
  async function withdraw({ letter, token }: Claim): Promise<void> {
    await amend([letter], (row) =>
      row?.state === "claimed" && row.crashes.includes(token)
        ? { ...row, rev: nonce(), crashes: row.crashes.filter((crash) => crash !== token) }
        : stay,
    );
  }

  /** Changes the row while the token is ours; false once it is not. */
  async function amendOwn(
    claim: Claim,
    change: (row: Claimed) => Row | undefined | typeof stay,
  ): Promise<boolean> {
    let ours = false;
    await amend([claim.letter], (row) => {
      ours = isOwn(row, claim);
      return isOwn(row, claim) ? change(row) : stay;
    });
    return ours;
  }

  /** Compares and swaps, starting from the rows last seen, until each is changed or stays. */
  async function amend(
    letters: readonly Letter[],
    change: (row: Row | undefined, letter: Letter) => Row | undefined | typeof stay,
  ): Promise<void> {
    let open = letters;
    for (let round = 0; open.length > 0; round++) {
      if (round === MAX_ROUNDS) throw new Error("a row of the ledger does not come to rest");
      const changes = open.flatMap((letter) => {
        const to = change(letter.row, letter);
        return to === stay ? [] : [{ letter, key: letter.key, over: letter.row, to }];
      });
      const verdicts = changes.length === 0 ? [] : await ledger.swap(changes);
      open = changes.flatMap(({ letter, to }, index) => {
        const verdict = verdicts[index]!;
        letter.row = verdict.written ? to : verdict.row;
        return verdict.written ? [] : [letter];
      });
    }
  }

  function forwarded(digest: string, { attempt, generation }: Rank): Forwarded {
    return { state: "forwarded", rev: nonce(), digest, attempt, generation };
  }

  return {
    take,
    markSending,
    check,
    complete,
    completeOwn,
    forwardOwn,
    forward,
    release,
    releaseAll,
  };
}

/** A row changes as often as it has takers; beyond that something is broken. */
const MAX_ROUNDS = 20;

/** The row is left as it stands. */
const stay = Symbol("stay");

function isOwn(row: Row | undefined, { token }: Claim): row is Claimed {
  return row?.state === "claimed" && row.token === token;
}
