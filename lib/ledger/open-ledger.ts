import {
  DescribeTableCommand,
  ResourceNotFoundException,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import type * as z from "zod";
import type { ledger } from "../config.ts";
import { dynamoClient } from "./dynamo-client.ts";
import { dynamoLedger } from "./dynamo-ledger.ts";
import { LedgerUnavailableError } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import { noLedger } from "./no-ledger.ts";

/**
 * The ledger that a function's configuration asks for (`LEDGER`, `LEDGER_TABLE` as lib/config.ts reads them).
 * Throws if the consumer cannot do without one or the table cannot be used: refuse to start then.
 */
export async function openLedger({
  config,
  consumer,
  now,
  random,
}: {
  config: z.infer<typeof ledger>;
  consumer: { name: string; repeatable: boolean };
  /** Epoch ms. */
  now: () => number;
  /** In [0, 1). */
  random: () => number;
}): Promise<Ledger> {
  if (config.LEDGER === "none") {
    if (consumer.repeatable) return noLedger();
    throw new Error(
      `${consumer.name} is not repeatable: without a ledger it would send twice. Set LEDGER=dynamodb.`,
    );
  }
  const client = dynamoClient();
  const table = config.LEDGER_TABLE;
  await requireLedgerTable({ client, table });
  return dynamoLedger({ client, table, consumer: consumer.name, now, random });
}

/** Throws unless the table is there and keyed as infra/dynamodb/table.ts defines it. */
export async function requireLedgerTable({
  client,
  table,
}: {
  client: DynamoDBClient;
  table: string;
}): Promise<void> {
  const description = await client
    .send(new DescribeTableCommand({ TableName: table }), {
      abortSignal: AbortSignal.timeout(10_000),
    })
    .catch((cause: unknown) => {
      const missing = cause instanceof ResourceNotFoundException;
      throw new LedgerUnavailableError(
        missing
          ? `There is no DynamoDB table "${table}" (LEDGER_TABLE). \`warren ledger create ${table}\` makes it.`
          : `DynamoDB table "${table}" cannot be described: ${String(cause)}`,
        { cause },
      );
    });
  const key = description.Table?.KeySchema?.map(({ AttributeName }) => AttributeName);
  if (key?.length !== 1 || key[0] !== "pk") {
    throw new LedgerUnavailableError(
      `DynamoDB table "${table}" (LEDGER_TABLE) is no ledger: its key is ${key?.join(", ")}, not pk.`,
    );
  }
}
