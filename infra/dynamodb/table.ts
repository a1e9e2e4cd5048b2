import {
  DescribeTimeToLiveCommand,
  UpdateTimeToLiveCommand,
  type CreateTableCommandInput,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import { dynamoClient } from "../../lib/dynamo/client.ts";
import { requireLedgerTable } from "../../lib/dynamo/table.ts";
import { keyedTable, makeTable } from "./make-table.ts";

/** The attribute that lib/ledger/dynamo-ledger.ts writes as epoch seconds. */
export const TTL_ATTRIBUTE = "expires";

/**
 * What the SDK wants to see in the environment and DynamoDB Local does not look at. Everyone who
 * shares a DynamoDB Local takes the same, since without `-sharedDb` each key and region has its own tables.
 */
export const LOCAL_ENV = {
  AWS_REGION: "local",
  AWS_ACCESS_KEY_ID: "local",
  AWS_SECRET_ACCESS_KEY: "local",
};

/** The one table of all consumers' ledgers: rows are found by (consumer, tenant, id). */
export function ledgerTable(table: string): CreateTableCommandInput {
  return keyedTable(table, "pk");
}

/**
 * Creates the table unless it is there, waits until it can be used and turns its TTL on. May be called
 * by several processes at once. Throws if a table of that name is something else than a ledger.
 */
export async function ensureLedgerTable({
  endpoint,
  table,
}: {
  /** Default: the SDK's own settings. */
  endpoint?: string | undefined;
  table: string;
}): Promise<void> {
  const client = dynamoClient({ endpoint });
  const abortSignal = AbortSignal.timeout(60_000);
  try {
    await makeTable(client, ledgerTable(table), abortSignal);
    await requireLedgerTable({ client, table });
    await turnOnTtl(client, table, abortSignal);
  } finally {
    client.destroy();
  }
}

async function turnOnTtl(
  client: DynamoDBClient,
  table: string,
  abortSignal: AbortSignal,
): Promise<void> {
  const isOn = async () => {
    const { TimeToLiveDescription: ttl } = await client.send(
      new DescribeTimeToLiveCommand({ TableName: table }),
      { abortSignal },
    );
    return ttl?.TimeToLiveStatus === "ENABLED" || ttl?.TimeToLiveStatus === "ENABLING";
  };
  if (await isOn()) return;
  const TimeToLiveSpecification = { AttributeName: TTL_ATTRIBUTE, Enabled: true };
  try {
    await client.send(new UpdateTimeToLiveCommand({ TableName: table, TimeToLiveSpecification }), {
      abortSignal,
    });
  } catch (error) {
    // Another process was first.
    if (!(await isOn())) throw error;
  }
}
