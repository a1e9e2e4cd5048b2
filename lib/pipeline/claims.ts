import {
  type Claimed,
  type Completion,
  type Forwarded,
  type Ledger,
  MAX_ROUNDS,
  type Row,
} from "../ledger/ledger.ts";
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

type Claiming = { letter: Letter; decision: Extract<Decision, { kind: "claim" }> };

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
  insist,
}: {
  ledger: Ledger;
  consumer: { repeatable: boolean };
  process: string;
  leaseMs: number;
  now: () => number;
  nonce: () => string;
  /** Repeats a call that fails, as long as there is time. */
  insist: <T>(call: () => Promise<T>) => Promise<T>;
}) {
  /** Claims that are not settled: `releaseAll` gives them up. */
  const held = new Set<Claim>();
  /** Claims under which something may have been sent. */
  const mayHaveSent = new Set<Claim>();
  /** The row of each message as this process last saw it. */
  const rows = new Map<Letter, Row | undefined>();

  /** Reads the rows of these messages; of the fresh ones a `done` of this moment may be missed. */
  async function look(
    letters: readonly Letter[],
    isFresh: (letter: Letter) => boolean = () => false,
  ): Promise<void> {
    if (letters.length === 0) return;
    const found = await ledger.look(
      letters.map((letter) => ({
        key: letter.key,
        digest: letter.received.digest,
        fresh: isFresh(letter),
      })),
    );
    letters.forEach((letter, index) => rows.set(letter, found[index]));
  }

  /**
   * Claims over the rows that were looked at. A letter without a claim in the result has another row
   * by now: decide again. `shared`: others are applied at the same time.
   */
  async function take(
    claiming: readonly Claiming[],
    { shared }: { shared: boolean },
  ): Promise<Map<Letter, Claim>> {
    const changes = claiming.map(({ letter, decision }) => {
      const { crashes, sending, beneath } = decision;
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
        shared,
        beneath,
      };
      const over = rows.get(letter);
      // Before the write: a claim whose reply is lost has to be released as well.
      held.add(claim);
      rows.set(letter, to);
      return { claim, key, over, to };
    });
    const verdicts = changes.length === 0 ? [] : await ledger.swap(changes);
    const taken = new Map<Letter, Claim>();
    changes.forEach(({ claim }, index) => {
      const verdict = verdicts[index]!;
      if (verdict.written) {
        taken.set(claim.letter, claim);
      } else {
        held.delete(claim);
        rows.set(claim.letter, verdict.row);
      }
    });
    return taken;
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
   * anybody's claim. Without a proof only the owner may complete, and insists: a send that nobody
   * recorded is uncertain. Returns those whose key another event has been done under meanwhile.
   * Throws LostClaimError.
   */
  async function complete<One extends Settling>(done: readonly One[]): Promise<One[]> {
    const worn = repeatable ? await completeAll(done) : [];
    for (const one of done) {
      if (!repeatable) await completeOwn(one.claim);
      if (one.claim !== undefined) held.delete(one.claim);
    }
    return worn;
  }

  async function completeAll<One extends Settling>(done: readonly One[]): Promise<One[]> {
    const letters = lettersIn(done);
    const changes = letters.map((letter): Completion => ({
      key: letter.key,
      over: rows.get(letter),
      to: { state: "done", rev: nonce(), digest: letter.received.digest },
    }));
    const standing = changes.length === 0 ? [] : await ledger.complete(changes);
    letters.forEach((letter, index) => rows.set(letter, standing[index] ?? changes[index]!.to));
    return done.filter((_, index) => standing[index] !== undefined);
  }

  async function completeOwn(claim: Claim | undefined): Promise<void> {
    const toDone = ({ digest }: Claimed): Row => ({ state: "done", rev: nonce(), digest });
    if (claim !== undefined && (await amendOwn(claim, toDone, insist))) return;
    throw new LostClaimError("the claim was lost before the send was recorded");
  }

  /**
   * After the confirms: the row says where the copy went. Under a claim, while its token is ours; in a
   * group, only over none or a lower forwarded row of the event. Without `leaves` the row beneath a
   * claim is restored, and no other is touched.
   */
  async function record(published: readonly (Settling & { leaves?: Rank })[]): Promise<void> {
    const ranks = new Map<Letter, Rank>();
    const underClaims: Promise<void>[] = [];
    for (const { letter, claim, leaves } of published) {
      if (claim !== undefined)
        underClaims.push(leaves ? forwardOwn(claim, leaves) : release(claim));
      else if (leaves !== undefined && letter.received !== undefined) ranks.set(letter, leaves);
    }
    for (const one of await Promise.allSettled(underClaims)) {
      if (one.status === "rejected") throw one.reason;
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
    call = once,
  ): Promise<boolean> {
    let ours = false;
    const changeOwn = (row: Row | undefined) => {
      ours = isOwn(row, claim);
      return isOwn(row, claim) ? change(row) : stay;
    };
    await amend([claim.letter], changeOwn, call);
    return ours;
  }

  /** Compares and swaps, starting from the rows last seen, until each is changed or stays. */
  async function amend(
    letters: readonly Letter[],
    change: (row: Row | undefined, letter: Letter) => Row | undefined | typeof stay,
    call = once,
  ): Promise<void> {
    let open = letters;
    for (let round = 0; open.length > 0; round++) {
      if (round === MAX_ROUNDS) throw new Error("a row of the ledger does not come to rest");
      const changes = open.flatMap((letter) => {
        const over = rows.get(letter);
        const to = change(over, letter);
        return to === stay ? [] : [{ letter, key: letter.key, over, to }];
      });
      const verdicts = changes.length === 0 ? [] : await call(() => ledger.swap(changes));
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

function once<T>(call: () => Promise<T>): Promise<T> {
  return call();
}

/** The row stays as it is. */
const stay = Symbol("stay");

function isOwn(row: Row | undefined, { token }: Claim): row is Claimed {
  return row?.state === "claimed" && row.token === token;
}
