import * as z from "zod";
import { graphVariables } from "../../kit/neo4j/config.ts";
import { exposition, ledger, variables } from "../../lib/config.ts";

const proofVariables = {
  PROOF_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(3_650)
    .default(30)
    .describe("With `LEDGER=none`: for how many days the graph recognises an applied event"),
  LOG_LEVEL: variables.LOG_LEVEL,
};

export const config = z
  .object({
    ...exposition,
    ...graphVariables,
    ...proofVariables,
    RABBITMQ_URL: variables.RABBITMQ_URL,
    RETRY_DELAYS: variables.RETRY_DELAYS,
    RETRY_LATER_FOR: variables.RETRY_LATER_FOR,
  })
  .and(ledger);

/** The variables of prune.ts, which needs no broker. */
export const pruneConfig = z
  .object({ ...exposition, ...graphVariables, ...proofVariables })
  .and(ledger);
