import { randomUUID } from "node:crypto";
import type { Directory } from "./directory.ts";
import { DirectoryUnavailableError } from "./errors.ts";

/** A directory with its connections. */
export type OpenDirectory = Directory & {
  /** Rejects if the table is missing, and names the command that creates it. */
  requireTable(): Promise<void>;
  close(): Promise<void>;
};

/** The directory in the table that `DIRECTORY_TABLE` names; opened on first use. */
export function openDirectory({ table }: { table: string }): OpenDirectory {
  let opening: ReturnType<typeof open> | undefined;
  const opened = () => (opening ??= open(table));
  return {
    read: async (keys, signal) => (await opened()).directory.read(keys, signal),
    merge: async (changes, signal) => (await opened()).directory.merge(changes, signal),
    probe: async (signal) => (await opened()).directory.probe(signal),
    requireTable: async () => (await opened()).requireTable(),
    close: async () => (await opening)?.client.destroy(),
  };
}

/** On demand: the client takes tens of milliseconds to import. */
async function open(table: string) {
  const [{ dynamoClient }, { problemWith }, { dynamoDirectory }] = await Promise.all([
    import("../../lib/dynamo/client.ts"),
    import("../../lib/dynamo/table.ts"),
    import("./dynamo-directory.ts"),
  ]);
  const client = dynamoClient();
  return {
    client,
    directory: dynamoDirectory({ client, table, random: Math.random, nonce: randomUUID }),
    async requireTable() {
      const problem = await problemWith({ client, table, noun: "directory" });
      if (problem !== undefined) throw new DirectoryUnavailableError(problem.text, problem);
    },
  };
}
