import { randomUUID } from "node:crypto";
import { dynamoClient } from "../ledger/dynamo-client.ts";
import { problemWith } from "../ledger/dynamo-table.ts";
import type { Directory } from "./directory.ts";
import { dynamoDirectory } from "./dynamo-directory.ts";
import { DirectoryUnavailableError } from "./errors.ts";

/** A directory with its connections. */
export type OpenDirectory = Directory & {
  /** Rejects when there is no such table, saying what makes it. */
  requireTable(): Promise<void>;
  close(): void;
};

/** The directory in the table that `DIRECTORY_TABLE` names; connects on first use. */
export function openDirectory({ table }: { table: string }): OpenDirectory {
  const client = dynamoClient();
  return {
    ...dynamoDirectory({ client, table, random: Math.random, nonce: randomUUID }),
    async requireTable() {
      const problem = await problemWith({ client, table, noun: "directory" });
      if (problem !== undefined) throw new DirectoryUnavailableError(problem.text, problem);
    },
    close: () => client.destroy(),
  };
}
