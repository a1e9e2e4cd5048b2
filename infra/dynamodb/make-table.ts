import {
  CreateTableCommand,
  ResourceInUseException,
  waitUntilTableExists,
  type CreateTableCommandInput,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";

/**
 * The properties of all Warren tables. One string key and no index: items are only found by key. Paid per
 * request: the load follows the traffic and cannot be predicted.
 */
export function keyedTable(table: string, key: string): CreateTableCommandInput {
  return {
    TableName: table,
    AttributeDefinitions: [{ AttributeName: key, AttributeType: "S" }],
    KeySchema: [{ AttributeName: key, KeyType: "HASH" }],
    BillingMode: "PAY_PER_REQUEST",
  };
}

/** Creates a table unless it exists, and waits until it is active. */
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
