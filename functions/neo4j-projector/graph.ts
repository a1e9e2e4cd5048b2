import { requireConstraints } from "../../kit/neo4j/constraints.ts";
import type { Received } from "../../lib/envelope/envelope.ts";
import type { Key } from "../../lib/ledger/ledger.ts";
import type { ProjectedEvent } from "./accepts.ts";
import { ConstraintError, type Neo4j, type Statement } from "../../kit/neo4j/neo4j.ts";
import { project, type Rows } from "./projection.ts";
import { neo4j as schema } from "./schema.ts";
import { statements } from "./statements.ts";

/** The projector's port to a graph database. Throws the errors of `Neo4j`. */
export type Graph = {
  /**
   * Applies in one transaction those events that were not applied before. Returns the events whose id
   * another event has used; they are not applied.
   */
  write(events: readonly ReceivedEvent[], signal: AbortSignal): Promise<ReceivedEvent[]>;
  /** Resolves if the graph can be written now. */
  probe(signal: AbortSignal): Promise<void>;
  /** Rejects with what is missing and the command that creates it. */
  requireConstraints(): Promise<void>;
  close(): Promise<void>;
};

/** Another worker may apply some of the events between this worker's read and write, but not this often. */
const ATTEMPTS = 5;

export function neo4jGraph({ neo4j, now }: { neo4j: Neo4j; now: () => number }): Graph {
  /** Returns false, and writes nothing, if one of the events was applied before. */
  async function writeFresh(proofs: readonly Proof[], signal: AbortSignal): Promise<boolean> {
    if (proofs.length === 0) return true;
    const rows = project(proofs.map(({ received }) => received.event));
    try {
      await neo4j.write([createProofs(proofs, now()), ...statementsOf(rows)], signal);
      return true;
    } catch (error) {
      if (error instanceof ConstraintError && error.statement === 0) return false;
      throw error;
    }
  }

  return {
    async write(events, signal) {
      // The ledger stops nearly all repeats, so this assumes that all events are new. If one is not,
      // the constraint refuses the transaction.
      const wanted = events.map(proofOf);
      let { fresh, reused } = compare(wanted, []);
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        if (await writeFresh(fresh, signal)) return reused;
        const standing = await neo4j.read<StandingProof>(readProofs(wanted), signal);
        ({ fresh, reused } = compare(wanted, standing));
      }
      throw new Error(`other workers were first with some of these events, ${ATTEMPTS} times`);
    },

    probe: (signal) => neo4j.rehearse({ text: "CREATE (:AppliedEvent)", parameters: {} }, signal),

    requireConstraints: () => requireConstraints(neo4j, schema.constraints),

    close: () => neo4j.close(),
  };
}

/**
 * Returns the new events, and those whose id another event has used. All others were applied before. If
 * two events of this group have one id, the first counts.
 */
function compare(
  wanted: readonly Proof[],
  standing: readonly StandingProof[],
): { fresh: Proof[]; reused: ReceivedEvent[] } {
  const digests = new Map(standing.map(({ key, digest }) => [key, digest]));
  const fresh: Proof[] = [];
  const reused: ReceivedEvent[] = [];
  for (const proof of wanted) {
    const digest = digests.get(proof.key);
    if (digest === undefined) {
      fresh.push(proof);
      digests.set(proof.key, proof.digest);
    } else if (digest !== proof.digest) reused.push(proof.received);
  }
  return { fresh, reused };
}

function statementsOf(rows: Rows): Statement[] {
  return (Object.keys(statements) as (keyof Rows)[])
    .filter((name) => rows[name].length > 0)
    .map((name) => ({ text: statements[name], parameters: { rows: rows[name] } }));
}

export type ReceivedEvent = Received<ProjectedEvent>;

/**
 * The proof of an event: `(:AppliedEvent {key, digest, applied_at, done_seen_at?})`. The transaction that
 * applies the event creates it, and a constraint makes it unique. One key and a shortened digest cost
 * the server a third less than two keys and the whole digest.
 */
type Proof = { key: string; digest: string; received: ReceivedEvent };

export const DAY_MS = 86_400_000;

/** Characters of the digest that are kept, 6 bits each: enough to tell two events apart. */
const DIGEST_LENGTH = 22;

function proofOf(received: ReceivedEvent): Proof {
  const { tenant_id, id, source } = received.event;
  const digest = received.digest.slice(0, DIGEST_LENGTH);
  return { key: `${tenant_id}#${id}#${source}`, digest, received };
}

/** No tenant and no id has a `#`. */
export function keyOf(proofKey: string): Key {
  const [tenant = "", id = "", ...source] = proofKey.split("#");
  return { tenant, id, source: source.join("#") };
}

/** Fails if a proof exists. A second transaction waits until the first has committed. `now`: epoch ms. */
function createProofs(proofs: readonly Proof[], now: number): Statement {
  const rows = proofs.map(({ key, digest }) => ({ key, digest }));
  return {
    text: `
      UNWIND $rows AS row
      CREATE (:AppliedEvent {key: row.key, digest: row.digest, applied_at: $now})`,
    parameters: { rows: rows.sort((a, b) => (a.key < b.key ? -1 : 1)), now: BigInt(now) },
  };
}

type StandingProof = { key: string; digest: string };

function readProofs(proofs: readonly Proof[]): Statement {
  return {
    text: `
      UNWIND $keys AS key
      MATCH (e:AppliedEvent {key: key})
      RETURN e.key AS key, e.digest AS digest`,
    parameters: { keys: proofs.map(({ key }) => key) },
  };
}
