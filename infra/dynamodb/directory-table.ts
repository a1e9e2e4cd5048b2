import type { CreateTableCommandInput } from "@aws-sdk/client-dynamodb";
import { dynamoClient } from "../../lib/dynamo/client.ts";
import { problemWith } from "../../lib/dynamo/table.ts";
import { keyedTable, makeTable } from "./make-table.ts";

/** The table that `DIRECTORY_TABLE` names: one item per document (kit/people). Nothing expires. */
export function directoryTable(table: string): CreateTableCommandInput {
  return keyedTable(table, "pk");
}

/**
 * Creates the table unless it exists, and waits until it is active. Several processes may call it at
 * once. Throws if the existing table is not a directory.
 */
export async function ensureDirectoryTable({
  endpoint,
  table,
}: {
  /** Default: the SDK's own settings. */
  endpoint?: string | undefined;
  table: string;
}): Promise<void> {
  const client = dynamoClient({ endpoint });
  try {
    await makeTable(client, directoryTable(table), AbortSignal.timeout(60_000));
    const problem = await problemWith({ client, table, noun: "directory" });
    if (problem !== undefined) throw new Error(problem.text, problem);
  } finally {
    client.destroy();
  }
}
