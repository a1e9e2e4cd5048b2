import {
  DescribeTableCommand,
  ResourceNotFoundException,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import { LedgerUnavailableError } from "../ledger/ledger.ts";

/** Throws unless the table exists and has the key that infra/dynamodb/table.ts defines. */
export async function requireLedgerTable(at: {
  client: DynamoDBClient;
  table: string;
}): Promise<void> {
  const problem = await problemWith({ ...at, noun: "ledger" });
  if (problem !== undefined) throw new LedgerUnavailableError(problem.text, problem);
}

/**
 * Why a table cannot be used, for people; undefined if it can. `noun` is its purpose: for a ledger,
 * `LEDGER_TABLE` names the table and `warren ledger create` creates it.
 */
export async function problemWith({
  client,
  table,
  noun,
}: {
  client: DynamoDBClient;
  table: string;
  noun: "ledger" | "directory";
}): Promise<{ text: string; cause?: unknown } | undefined> {
  const variable = `${noun.toUpperCase()}_TABLE`;
  const abortSignal = AbortSignal.timeout(10_000);
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: table }), {
      abortSignal,
    });
    const key = Table?.KeySchema?.map(({ AttributeName }) => AttributeName);
    if (key?.length === 1 && key[0] === "pk") return undefined;
    const text = `DynamoDB table "${table}" (${variable}) is no ${noun}: its key is ${key?.join(", ")}, not pk.`;
    return { text };
  } catch (cause) {
    const text =
      cause instanceof ResourceNotFoundException
        ? `There is no DynamoDB table "${table}" (${variable}). \`warren ${noun} create ${table}\` makes it.`
        : `DynamoDB table "${table}" cannot be described: ${String(cause)}`;
    return { text, cause };
  }
}
