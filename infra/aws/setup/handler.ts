import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { graphVariables } from "../../../kit/neo4j/config.ts";
import { readConfig, variables } from "../../../lib/config.ts";
import type { InvocationContext } from "../../../lib/runtime/context.ts";
import { logger } from "../../../lib/log.ts";
import { within } from "../../../lib/async/deadline.ts";
import { BrokerUnavailableError } from "../../../lib/rabbit/errors.ts";
import { ManagementError, managementUrlOf } from "../../../lib/rabbit/management.ts";
import { topologyOf } from "../../../lib/rabbit/topology.ts";
import { applyConstraints } from "../../neo4j/constraints.ts";
import { applyCollections } from "../../qdrant/collections.ts";
import { readVectors } from "../../qdrant/read-vectors.ts";
import { applyTopology } from "../../rabbitmq/apply.ts";
import { ensureVhost } from "../../rabbitmq/vhost.ts";
import { answer, type Outcome } from "./answer.ts";
import { properties, request, type Request } from "./request.ts";

const config = z.object({
  RABBITMQ_URL: variables.RABBITMQ_URL,
  RABBITMQ_MANAGEMENT_URL: z.url().optional(),
});

/** Time reserved for the answer. Without an answer, CloudFormation would wait until its own time-out. */
const ANSWER_MS = 20_000;
/** A new broker may be unreachable in its first moments. */
const PATIENCE_MS = 120_000;
const PAUSE_MS = 2_000;

/**
 * CloudFormation's custom resource. Creates the vhost, topology, constraints and collections that the stack's
 * functions need, as `warren topology apply`, `graph create` and `vectors create` do. Deletes nothing, not even
 * on Delete.
 */
export async function handler(event: unknown, context: InvocationContext): Promise<void> {
  const log = logger({ level: "info", name: "setup" });
  const asked = request.parse(event);
  const outcome = await outcomeOf(
    asked,
    Math.floor(context.getRemainingTimeInMillis() - ANSWER_MS),
  );
  log.info({ request: asked.RequestType, ...outcome }, "setup of broker, graph and vectors");
  await answer(asked, outcome);
}

async function outcomeOf(asked: Request, budgetMs: number): Promise<Outcome> {
  // The data in the broker, the graph and the collections belongs to the user.
  if (asked.RequestType === "Delete") return { status: "SUCCESS" };
  try {
    await within(
      budgetMs,
      "preparing broker, graph and vectors",
      prepare(asked.ResourceProperties, budgetMs),
    );
    return { status: "SUCCESS" };
  } catch (error) {
    return { status: "FAILED", reason: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) return z.prettifyError(error);
  return error instanceof Error ? error.message : String(error);
}

/** Reads the variables of Neo4j and Qdrant only if a function declares what these must contain. */
async function prepare(given: unknown, budgetMs: number): Promise<void> {
  const settings = readConfig(config, process.env);
  const asked = properties.parse(given);
  const [consumers, retryDelays] = [asked.Consumers, asked.RetryDelays];
  const graph =
    asked.Constraints.length > 0 ? readConfig(z.object(graphVariables), process.env) : undefined;
  const vectors = Object.keys(asked.Collections).length > 0 ? readVectors(process.env) : undefined;
  const { RABBITMQ_URL: url } = settings;
  const managementUrl = settings.RABBITMQ_MANAGEMENT_URL ?? managementUrlOf(url);
  const broker = { url, managementUrl };

  await onceReachable(budgetMs, async () => {
    await ensureVhost(broker);
    await applyTopology({ ...broker, topology: topologyOf({ consumers, retryDelays }) });
  });
  if (graph !== undefined) {
    const { NEO4J_URL, NEO4J_USER: user, NEO4J_PASSWORD: password } = graph;
    await applyConstraints({ url: NEO4J_URL, user, password }, asked.Constraints);
  }
  if (vectors !== undefined) {
    await applyCollections(vectors.server, vectors.place, asked.Collections);
  }
}

async function onceReachable(budgetMs: number, work: () => Promise<void>): Promise<void> {
  const giveUpAt = performance.now() + Math.min(PATIENCE_MS, budgetMs - 2 * PAUSE_MS);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const unreachable =
        error instanceof BrokerUnavailableError || error instanceof ManagementError;
      if (!unreachable || performance.now() > giveUpAt) throw error;
      await sleep(PAUSE_MS);
    }
  }
}
