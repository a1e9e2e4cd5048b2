import {
  DeleteItemCommand,
  type DynamoDBClient,
  paginateScan,
  PutItemCommand,
  ResourceNotFoundException,
  type AttributeValue,
  type CreateTableCommandInput,
} from "@aws-sdk/client-dynamodb";
import { byAge, type KeyEntry, type KeyStore } from "../keys/key-store.ts";
import { keyedTable, makeTable } from "./make-table.ts";

const DEADLINE_MS = 30_000;

/** The table that `API_KEYS_TABLE` names: one item per API key, found by the key's hash. */
export function keysTable(table: string): CreateTableCommandInput {
  return keyedTable(table, "sha256");
}

/** Creates the table unless it exists, and waits until it is active. */
export async function ensureKeysTable(client: DynamoDBClient, table: string): Promise<void> {
  await makeTable(client, keysTable(table), AbortSignal.timeout(60_000));
}

export function tableStore(client: DynamoDBClient, table: string): KeyStore {
  const inTime = async <T>(work: (abortSignal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await work(AbortSignal.timeout(DEADLINE_MS));
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw error;
      const text = `There is no DynamoDB table "${table}" (API_KEYS_TABLE). Run \`warren keys create-table\` to create it.`;
      throw new Error(text, { cause: error });
    }
  };
  return {
    where: `table ${table}`,
    async add({ sha256, tenant, created_at }) {
      const Item = { sha256: { S: sha256 }, tenant: { S: tenant }, created_at: { S: created_at } };
      await inTime((abortSignal) =>
        client.send(new PutItemCommand({ TableName: table, Item }), { abortSignal }),
      );
    },
    list: () =>
      inTime(async (abortSignal) => {
        const entries: KeyEntry[] = [];
        const input = { TableName: table, ConsistentRead: true };
        for await (const { Items = [] } of paginateScan({ client }, input, { abortSignal })) {
          entries.push(...Items.map(entryOf));
        }
        return byAge(entries);
      }),
    async remove(sha256) {
      const Key = { sha256: { S: sha256 } };
      await inTime((abortSignal) =>
        client.send(new DeleteItemCommand({ TableName: table, Key }), { abortSignal }),
      );
    },
  };
}

function entryOf({ sha256, tenant, created_at }: Record<string, AttributeValue>): KeyEntry {
  return { sha256: sha256?.S ?? "", tenant: tenant?.S ?? "", created_at: created_at?.S ?? "" };
}
