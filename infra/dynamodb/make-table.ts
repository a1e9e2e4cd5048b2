import {
  CreateTableCommand,
  ResourceInUseException,
  waitUntilTableExists,
  type CreateTableCommandInput,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";

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
