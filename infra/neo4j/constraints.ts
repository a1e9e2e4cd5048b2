import * as kit from "../../kit/neo4j/constraints.ts";
import { type Neo4j, openNeo4j, type Server } from "../../kit/neo4j/neo4j.ts";

/** ms. Creating a constraint reads all nodes of its label, which takes long in a large graph. */
const CREATE_MS = 600_000;

/**
 * Creates the missing constraints. Rejects if the server is unreachable or its data violates a
 * constraint.
 */
export async function applyConstraints(
  server: Server,
  constraints: readonly kit.Constraint[],
): Promise<void> {
  await opened(server, async (neo4j) => {
    for (const one of constraints) {
      await kit.createConstraint(neo4j, one, AbortSignal.timeout(CREATE_MS));
    }
    await kit.requireConstraints(neo4j, constraints);
  });
}

/** Rejects with the missing constraints. */
export async function requireConstraints(
  server: Server,
  constraints: readonly kit.Constraint[],
): Promise<void> {
  await opened(server, (neo4j) => kit.requireConstraints(neo4j, constraints));
}

async function opened(server: Server, work: (neo4j: Neo4j) => Promise<void>): Promise<void> {
  const neo4j = openNeo4j({ ...server, transactionMs: CREATE_MS });
  try {
    await work(neo4j);
  } finally {
    await neo4j.close();
  }
}
