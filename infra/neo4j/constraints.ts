import neo4j from "neo4j-driver";
import { neo4jGraph } from "../../functions/neo4j-projector/graph.ts";
import { neo4jStore } from "../../functions/neo4j-projector/neo4j.ts";
import { constraints, createConstraint } from "../../functions/neo4j-projector/schema.ts";

export type Server = { url: string; user: string; password: string };

/** Making one reads all nodes of its label, so a large graph takes its time; ms. */
const CREATE_MS = 600_000;

/**
 * Makes the constraints that the projector refuses to start without; does nothing where they stand.
 * Rejects if the server cannot be reached or holds data that violates one of them.
 */
export async function applyConstraints(server: Server): Promise<void> {
  const { url, user, password } = server;
  const driver = neo4j.driver(url, neo4j.auth.basic(user, password), {
    connectionTimeout: 5_000,
    telemetryDisabled: true,
    notificationFilter: { minimumSeverityLevel: "OFF" },
  });
  try {
    for (const constraint of constraints) {
      const transactionConfig = { timeout: CREATE_MS };
      await driver.executeQuery(createConstraint(constraint), {}, { transactionConfig });
    }
  } finally {
    await driver.close();
  }
  await requireConstraints(server);
}

/** Rejects with what is missing. */
export async function requireConstraints(server: Server): Promise<void> {
  const graph = neo4jGraph({ store: neo4jStore(server), now: Date.now });
  try {
    await graph.requireConstraints();
  } finally {
    await graph.close();
  }
}
