import { randomUUID } from "node:crypto";
import {
  DeleteTableCommand,
  paginateListTables,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import { ensureLedgerTable, LOCAL_ENV } from "../../infra/dynamodb/table.ts";
import { dynamoClient } from "../../lib/dynamo/client.ts";

export const endpoint = process.env["AWS_ENDPOINT_URL_DYNAMODB"] ?? "http://127.0.0.1:8000";
for (const [name, value] of Object.entries(LOCAL_ENV)) process.env[name] ??= value;

/**
 * A ledger's table of its own, with a client. `remove` deletes all tables whose name begins with it,
 * and ends the client.
 */
export async function createTable(): Promise<{
  table: string;
  client: DynamoDBClient;
  remove: () => Promise<void>;
}> {
  const table = `test-ledger-${randomUUID()}`;
  await ensureLedgerTable({ endpoint, table });
  const client = dynamoClient({ endpoint });
  const remove = async () => {
    const input = { ExclusiveStartTableName: table.slice(0, -1) };
    for await (const { TableNames = [] } of paginateListTables({ client }, input)) {
      for (const name of TableNames.filter((each) => each.startsWith(table))) {
        await client.send(new DeleteTableCommand({ TableName: name }));
      }
    }
    client.destroy();
  };
  return { table, client, remove };
}
