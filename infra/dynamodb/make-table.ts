import {
  CreateTableCommand,
  ResourceInUseException,
  waitUntilTableExists,
  type CreateTableCommandInput,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";

/**
 * What every table of ours is: one string key and no index, since items are only ever found by it, and
 * paid per request, since its load is the traffic, which nobody can provision for.
 */
export function keyedTable(table: string, key: string): CreateTableCommandInput {
  return {
    TableName: table,
    AttributeDefinitions: [{ AttributeName: key, AttributeType: "S" }],
    KeySchema: [{ AttributeName: key, KeyType: "HASH" }],
    BillingMode: "PAY_PER_REQUEST",
  };
}

/** Creates a table unless one of its name is there, and waits until it can be used. */
export async function makeTable(
  client: DynamoDBClient,
  table: CreateTableCommandInput,
  abortSignal: AbortSignal,
): Promise<void> {
  await client.send(new CreateTableCommand(table), { abortSignal }).catch((error: unknown) => {
    if (!(error instanceof ResourceInUseException)) throw error;
  });
  await waitUntilTableExists(
    { client, abortSignal, maxWaitTime: 60, minDelay: 1, maxDelay: 2 },
    { TableName: table.TableName },
  );
}
