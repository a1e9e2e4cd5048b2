import type { Received } from "../../lib/envelope/envelope.ts";
import type { Key } from "../../lib/ledger/ledger.ts";
import type { ProjectedEvent } from "./accepts.ts";
import type { Statement } from "../../kit/neo4j/neo4j.ts";

export type ReceivedEvent = Received<ProjectedEvent>;

/**
 * The sink's short memory: `(:AppliedEvent {key, digest, applied_at, done_seen_at?})`, created in
 * the very transaction that applies the event, unique by a constraint. One key and a shortened
 * digest cost the server two thirds of what two keys and the whole digest do.
 */
export type Proof = { key: string; digest: string; received: ReceivedEvent };

export const DAY_MS = 86_400_000;

/** Characters of the digest that are kept, 6 bits each: enough to tell two events apart. */
const DIGEST_LENGTH = 22;

export function proofOf(received: ReceivedEvent): Proof {
  const { tenant_id, id } = received.event;
  const digest = received.digest.slice(0, DIGEST_LENGTH);
  return { key: `${tenant_id}#${id}`, digest, received };
}

/** No tenant has a `#`. */
export function keyOf(proofKey: string): Key {
  const end = proofKey.indexOf("#");
  return { tenant: proofKey.slice(0, end), id: proofKey.slice(end + 1) };
}

/** Fails where a proof stands: whoever comes second waits for the first to commit. `now`: epoch ms. */
export function createProofs(proofs: readonly Proof[], now: number): Statement {
  const rows = proofs.map(({ key, digest }) => ({ key, digest }));
  return {
    text: `
      UNWIND $rows AS row
      CREATE (:AppliedEvent {key: row.key, digest: row.digest, applied_at: $now})`,
    parameters: { rows: rows.sort((a, b) => (a.key < b.key ? -1 : 1)), now: BigInt(now) },
  };
}

export type StandingProof = { key: string; digest: string };

export function readProofs(proofs: readonly Proof[]): Statement {
  return {
    text: `
      UNWIND $keys AS key
      MATCH (e:AppliedEvent {key: key})
      RETURN e.key AS key, e.digest AS digest`,
    parameters: { keys: proofs.map(({ key }) => key) },
  };
}
