import { ensureLedgerTable } from "../dynamodb/table.ts";
import { applyConstraints } from "../neo4j/constraints.ts";
import { applyTopology } from "../rabbitmq/apply.ts";
import type { Address } from "./service.ts";

/** Brings fresh services to what the functions need; safe to repeat. `retryDelays` in ms. */
export async function prepare(
  environment: Address,
  { retryDelays }: { retryDelays: readonly number[] },
): Promise<void> {
  // The AWS SDK finds region and credentials nowhere else.
  Object.assign(process.env, environment);
  await Promise.all([
    ensureLedgerTable({
      endpoint: environment["AWS_ENDPOINT_URL_DYNAMODB"],
      table: environment["LEDGER_TABLE"]!,
    }),
    applyConstraints({
      url: environment["NEO4J_URL"]!,
      user: environment["NEO4J_USER"]!,
      password: environment["NEO4J_PASSWORD"]!,
    }),
    applyTopology({
      url: environment["RABBITMQ_URL"]!,
      managementUrl: environment["RABBITMQ_MANAGEMENT_URL"],
      retryDelays,
    }),
  ]);
}
