import { ensureDirectoryTable } from "../dynamodb/directory-table.ts";
import { ensureLedgerTable } from "../dynamodb/table.ts";
import { applyConstraints } from "../neo4j/constraints.ts";
import { declaredConstraints } from "../neo4j/declared.ts";
import { applyCollections } from "../qdrant/collections.ts";
import { declaredCollections } from "../qdrant/declared.ts";
import { readVectors } from "../qdrant/read-vectors.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { applyTopology } from "../rabbitmq/apply.ts";
import { readConsumers } from "../rabbitmq/consumers.ts";
import type { ServiceName } from "./services.ts";
import type { Address } from "../service/service.ts";

/**
 * Brings a fresh service to what the functions need; safe to repeat. `environment` is the whole
 * instance's; the AWS SDK must find region and credentials in process.env.
 */
export async function prepare(
  service: ServiceName,
  environment: Address,
  { retryDelays }: { retryDelays: readonly number[] },
): Promise<void> {
  switch (service) {
    case "dynamodb": {
      const endpoint = environment["AWS_ENDPOINT_URL_DYNAMODB"];
      const table = (name: string) => ({ endpoint, table: required(environment, name) });
      await Promise.all([
        ensureLedgerTable(table("LEDGER_TABLE")),
        ensureDirectoryTable(table("DIRECTORY_TABLE")),
      ]);
      return;
    }
    case "neo4j":
      return applyConstraints(
        {
          url: required(environment, "NEO4J_URL"),
          user: required(environment, "NEO4J_USER"),
          password: required(environment, "NEO4J_PASSWORD"),
        },
        await declaredConstraints(),
      );
    case "rabbitmq":
      return applyTopology({
        url: required(environment, "RABBITMQ_URL"),
        managementUrl: environment["RABBITMQ_MANAGEMENT_URL"],
        topology: topologyOf({ consumers: await readConsumers(), retryDelays }),
      });
    case "redis":
    case "providers":
      // They need nothing.
      return;
    case "qdrant": {
      // The model is the caller's choice.
      const { server, place } = readVectors({ ...process.env, ...environment });
      return applyCollections(server, place, await declaredCollections());
    }
  }
}

function required(environment: Address, name: string): string {
  const value = environment[name];
  if (value === undefined) throw new Error(`${name} is missing`);
  return value;
}
