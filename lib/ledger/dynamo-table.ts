import {
  DescribeTableCommand,
  ResourceNotFoundException,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import { LedgerUnavailableError } from "./errors.ts";

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
