import type { Command } from "commander";
import { ledger, readConfig } from "../../lib/config.ts";
import { dynamoClient } from "../../lib/dynamo/client.ts";
import { requireLedgerTable } from "../../lib/dynamo/table.ts";
import { redisClient } from "../../lib/ledger/redis-client.ts";
import { forgettingOf } from "../../lib/ledger/redis-keeping.ts";
import { CHECK_JSON, conclude, problemsOf } from "../cli/check.ts";
import { AWS, notes } from "../cli/help.ts";
import { ensureLedgerTable } from "../dynamodb/table.ts";

/** `warren ledger …`; Redis needs no table, but its settings must not evict rows. */
export function define(command: Command): void {
  command.addHelpText("after", notes("warren ledger check"));
  command
    .command("create")
    .description("Create the DynamoDB table of the ledger unless it exists.")
    .argument("<table>", "name of the table")
    .addHelpText("after", notes("warren ledger create warren-ledger", AWS))
    .action(async (table: string) => {
      await ensureLedgerTable({ table });
      console.log(readyText(table));
    });
  command
    .command("check")
    .description("Check that the ledger exists and has the right settings.")
    .argument("[table]", "name of a DynamoDB table (default: the ledger that LEDGER names)")
    .option(...CHECK_JSON)
    .addHelpText(
      "after",
      notes("warren ledger check", {
        LEDGER: "dynamodb, redis or none",
        LEDGER_TABLE: "table; required when LEDGER=dynamodb",
        REDIS_URL: "address; required when LEDGER=redis",
        ...AWS,
      }),
    )
    .action(async (table: string | undefined, { json = false }: { json?: boolean }) => {
      conclude({ ...(await (table === undefined ? check() : checkTable(table))), json });
    });
}

type Result = { problems: string[]; ready: string };

async function check(): Promise<Result> {
  const config = readConfig(ledger, process.env);
  switch (config.LEDGER) {
    case "dynamodb":
      return checkTable(config.LEDGER_TABLE);
    case "redis":
      return checkRedis(config.REDIS_URL);
    case "none":
      return { problems: [], ready: "LEDGER=none: there is nothing to check." };
  }
}

async function checkTable(table: string): Promise<Result> {
  const client = dynamoClient();
  try {
    const problems = await problemsOf(requireLedgerTable({ client, table }));
    return { problems, ready: readyText(table) };
  } finally {
    client.destroy();
  }
}

async function checkRedis(url: string): Promise<Result> {
  const client = redisClient(url);
  try {
    const forgetting = await forgettingOf(client, { repeatable: false });
    const problems = forgetting.map((problem) => `It may forget rows: ${problem}.`);
    return { problems, ready: "The Redis of REDIS_URL is ready." };
  } finally {
    client.close();
  }
}

function readyText(table: string): string {
  return `Table "${table}" is ready.`;
}
