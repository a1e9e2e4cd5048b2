import type { Claimed, Forwarded, Ledger, Row } from "../ledger/ledger.ts";
import type { Decision } from "./decide.ts";
import { compareRank, type Letter, type Rank, type Unreadable } from "./message.ts";

/** Another process took our claim over: nothing may be published or sent under it any more. */
class LostClaimError extends Error {
  override name = "LostClaimError";
}

/** The right to settle one message. */
export type Claim = { readonly letter: Letter; readonly token: string };

/** What is settled, and the claim under which. */
type Settling = { letter: Letter | Unreadable; claim?: Claim };

/**
 * All reads and writes of the ledger in one batch: what a write may replace is said here and nowhere
 * else (rules 4 to 9 of docs/message-lifecycle.md).
 */
export type Claims = ReturnType<typeof claimsIn>;

export function claimsIn({
  ledger,
  consumer: { repeatable },
  process,
  leaseMs,
  now,
  nonce,
}: {
  ledger: Ledger;
  consumer: { repeatable: boolean };
  process: string;
  leaseMs: number;
  now: () => number;
  nonce: () => string;
}) {
  /** Claims that are not settled: `releaseAll` gives them up. */
  const held = new Set<Claim>();
  /** Claims under which something may have been sent. */
  const mayHaveSent = new Set<Claim>();
  /** The row of each message as this process last saw it. */
  const rows = new Map<Letter, Row | undefined>();

  /** Reads the rows of these messages. */
  async function look(letters: readonly Letter[]): Promise<void> {
    const found = letters.length === 0 ? [] : await ledger.look(letters.map(({ key }) => key));
    letters.forEach((letter, index) => rows.set(letter, found[index]));
  }

  /** Claims over the row that was looked at. `undefined` if it has changed: then decide again. */
  async function take(
    letter: Letter,
    { crashes, sending, beneath }: Extract<Decision, { kind: "claim" }>,
  ): Promise<Claim | undefined> {
    const { delivery, received, key } = letter;
    const claim: Claim = { letter, token: `${process}:${nonce()}` };
    noteSent(claim, sending);
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
    const over = rows.get(letter);
    // Before the write: a claim whose reply is lost has to be released as well.
    held.add(claim);
    rows.set(letter, to);
    const [verdict] = await ledger.swap([{ key, over, to }]);
    if (verdict?.written) return claim;
    held.delete(claim);
    rows.set(letter, verdict?.row);
    return undefined;
  }

  /** Marks that a send is about to start. Throws LostClaimError: then nothing may be sent. */
  async function markSending(claim: Claim): Promise<void> {
    const marked = await amendOwn(claim, (row) => ({ ...row, rev: nonce(), sending: true }));
    if (!marked) throw new LostClaimError("the claim was lost before the send");
    noteSent(claim, true);
  }

  /** Whether something may have been sent under the claim, as the sink says. */
  function noteSent(claim: Claim, may: boolean): void {
    if (may) mayHaveSent.add(claim);
    else mayHaveSent.delete(claim);
  }

  /** Throws LostClaimError unless the claim still is ours. */
  async function check(claim: Claim): Promise<void> {
    await look([claim.letter]);
    if (isOwn(rows.get(claim.letter), claim)) return;
    throw new LostClaimError("the claim was lost before the outcome could be published");
  }

  /**
   * The sink's proof of a repeatable consumer has decided, so `done` overwrites none, forwarded and
   * anybody's claim. Without a proof only the owner may complete. Throws LostClaimError.
   */
  async function complete(done: readonly Settling[]): Promise<void> {
    if (repeatable) {
      await amend(lettersIn(done), (row, { received }) =>
        row?.state === "done" ? stay : { state: "done", rev: nonce(), digest: received.digest },
      );
    }
    for (const { claim } of done) {
      if (!repeatable) await completeOwn(claim);
      if (claim !== undefined) held.delete(claim);
    }
  }

  async function completeOwn(claim: Claim | undefined): Promise<void> {
    const toDone = ({ digest }: Claimed): Row => ({ state: "done", rev: nonce(), digest });
    if (claim !== undefined && (await amendOwn(claim, toDone))) return;
    throw new LostClaimError("the claim was lost before the send was recorded");
  }

  /**
   * After the confirms: the row says where the copy went. Under a claim, while its token is ours; in a
   * group, only over none or a lower forwarded row of the event. Without `leaves` the row beneath a
   * claim is restored, and no other is touched.
   */
  async function record(
    published: readonly (Settling & { leaves?: Rank | "done" })[],
  ): Promise<void> {
    const ranks = new Map<Letter, Rank>();
    for (const { letter, claim, leaves } of published) {
      const rank = leaves === "done" ? undefined : leaves;
      if (claim !== undefined) await (rank ? forwardOwn(claim, rank) : release(claim));
      else if (rank !== undefined && letter.received !== undefined) ranks.set(letter, rank);
    }
    await amend([...ranks.keys()], (row, letter) => {
      const { digest } = letter.received;
      const rank = ranks.get(letter)!;
      const lower =
        row?.state === "forwarded" && row.digest === digest && compareRank(row, rank) < 0;
      return row === undefined || lower ? forwarded(digest, rank) : stay;
    });
  }

  async function forwardOwn(claim: Claim, rank: Rank): Promise<void> {
    const ours = await amendOwn(claim, (row) => forwarded(row.digest, rank));
    if (!ours) await withdraw(claim);
    held.delete(claim);
  }

  /** Restores the row beneath, unless a send may have gone out: then the lease has to run out. */
  async function release(claim: Claim): Promise<void> {
    const ours = await amendOwn(claim, ({ beneath }) =>
      mayHaveSent.has(claim) ? stay : beneath && { ...beneath, rev: nonce() },
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
        const over = rows.get(letter);
        const to = change(over, letter);
        return to === stay ? [] : [{ letter, key: letter.key, over, to }];
      });
      const verdicts = changes.length === 0 ? [] : await ledger.swap(changes);
      open = changes.flatMap(({ letter, to }, index) => {
        const verdict = verdicts[index]!;
        rows.set(letter, verdict.written ? to : verdict.row);
        return verdict.written ? [] : [letter];
      });
    }
  }

  function forwarded(digest: string, { attempt, generation }: Rank): Forwarded {
    return { state: "forwarded", rev: nonce(), digest, attempt, generation };
  }

  return {
    look,
    rowOf: (letter: Letter) => rows.get(letter),
    take,
    markSending,
    noteSent,
    check,
    complete,
    record,
    release,
    releaseAll,
  };
}

function lettersIn(settling: readonly Settling[]): Letter[] {
  return settling.flatMap(({ letter }) => (letter.received === undefined ? [] : [letter]));
}

/** A row changes as often as it has takers; beyond that something is broken. */
const MAX_ROUNDS = 20;

/** The row stays as it is. */
const stay = Symbol("stay");

function isOwn(row: Row | undefined, { token }: Claim): row is Claimed {
  return row?.state === "claimed" && row.token === token;
}
