import { RETENTION_DAYS, type Ledger, type Row } from "../../lib/ledger/ledger.ts";
import type { Neo4j } from "../../kit/neo4j/neo4j.ts";
import { DAY_MS, keyOf } from "./graph.ts";

/**
 * Deletes proofs. A proof is needed as long as a handler may run that read the ledger before it said
 * `done`. The time of `done` is unknown. So the first pass that sees `done` marks the proof with the
 * time, and a pass more than twice the longest time-out later deletes it. By then every handler that had
 * not seen `done` has ended; the second time-out is for clocks that differ.
 *
 * Without a ledger a proof is deleted by its age, and the consumer refuses events of that age.
 */
export type Rule =
  | { ledger: Ledger }
  /** Proofs are kept a day longer than the consumer accepts events (`expiry` in consumer.ts). */
  | { ledger: undefined; ageMs: number };

type Pruned = {
  seen: number;
  marked: number;
  deleted: number;
  /** False if the time ended before all proofs were checked. */
  complete: boolean;
};

type StoredProof = { key: string; digest: string; applied_at: number; done_seen_at: number | null };
type Verdict = "keep" | "mark" | "delete";

/** Lambda's longest time-out. */
const LONGEST_TIMEOUT_MS = 15 * 60_000;

/** Proofs per transaction and per look at the ledger. */
const PAGE = 1_000;

/** Walks all proofs in the order of their keys, which the constraint's index has. */
export async function pruneProofs({
  neo4j,
  rule,
  now,
  hasTime,
  signal,
}: {
  neo4j: Neo4j;
  rule: Rule;
  now: () => number;
  /** Called before each page. */
  hasTime: () => boolean;
  signal: AbortSignal;
}): Promise<Pruned> {
  const pruned: Pruned = { seen: 0, marked: 0, deleted: 0, complete: false };

  for (let after = ""; hasTime();) {
    const page = await neo4j.read<StoredProof>(
      { text: NEXT_PAGE, parameters: { after, limit: BigInt(PAGE) } },
      signal,
    );
    const verdicts = await judge(page, rule, now());
    const marked = page.filter((_, i) => verdicts[i] === "mark").map(({ key }) => key);
    const deleted = page.filter((_, i) => verdicts[i] === "delete").map(({ key }) => key);
    if (marked.length + deleted.length > 0) {
      await neo4j.write(
        [
          { text: MARK, parameters: { keys: marked, now: BigInt(now()) } },
          { text: DELETE, parameters: { keys: deleted } },
        ],
        signal,
      );
    }

    pruned.seen += page.length;
    pruned.marked += marked.length;
    pruned.deleted += deleted.length;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return { ...pruned, complete: true };
    after = last.key;
  }
  return pruned;
}

async function judge(page: readonly StoredProof[], rule: Rule, now: number): Promise<Verdict[]> {
  if (rule.ledger === undefined) {
    const oldest = now - rule.ageMs - DAY_MS;
    return page.map(({ applied_at }) => (applied_at < oldest ? "delete" : "keep"));
  }
  // Events that were just applied are not done yet, and proofs that were just marked are not due. The
  // ledger is asked again about those that are due: if it lost its rows meanwhile, the proofs must stay.
  const unknown = page.filter(({ done_seen_at, applied_at }) =>
    done_seen_at === null
      ? applied_at < now - LONGEST_TIMEOUT_MS
      : done_seen_at < now - 2 * LONGEST_TIMEOUT_MS,
  );
  const rows = await rule.ledger.look(
    unknown.map(({ key, digest }) => ({ key: keyOf(key), digest, fresh: false })),
  );
  const rowOf = new Map(unknown.map(({ key }, i) => [key, rows[i]]));
  return page.map((proof) => judgeOne(proof, rowOf.has(proof.key), rowOf.get(proof.key), now));
}

function judgeOne(
  { digest, applied_at, done_seen_at }: StoredProof,
  looked: boolean,
  row: Row | undefined,
  now: number,
): Verdict {
  if (!looked) return "keep";
  const isDone = row?.state === "done" && row.digest.startsWith(digest);
  if (done_seen_at !== null) return isDone ? "delete" : "keep";
  // The ledger has deleted the event's row too.
  if (row === undefined) {
    return applied_at < now - (RETENTION_DAYS + 1) * DAY_MS ? "delete" : "keep";
  }
  return isDone ? "mark" : "keep";
}

const NEXT_PAGE = `
  MATCH (e:AppliedEvent) WHERE e.key > $after
  RETURN e.key AS key, e.digest AS digest, e.applied_at AS applied_at, e.done_seen_at AS done_seen_at
  ORDER BY e.key LIMIT $limit`;

const MARK = `
  UNWIND $keys AS key
  MATCH (e:AppliedEvent {key: key})
  SET e.done_seen_at = $now`;

const DELETE = `
  UNWIND $keys AS key
  MATCH (e:AppliedEvent {key: key})
  DELETE e`;
