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
 * Variables that the SDK requires and DynamoDB Local does not check. All clients of a DynamoDB Local use the
 * same values: without `-sharedDb`, each key and region has separate tables.
 */
export const LOCAL_ENV = {
  AWS_REGION: "local",
  AWS_ACCESS_KEY_ID: "local",
  AWS_SECRET_ACCESS_KEY: "local",
};

/** One table for the ledgers of all consumers. The key of a row is (consumer, tenant, source, id). */
export function ledgerTable(table: string): CreateTableCommandInput {
  return keyedTable(table, "pk");
}

/**
 * Creates the table unless it exists, waits until it is active and enables its TTL. Several processes may
 * call it at once. Throws if the existing table is not a ledger.
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
    // Another process enabled it first.
    if (!(await isOn())) throw error;
  }
}
