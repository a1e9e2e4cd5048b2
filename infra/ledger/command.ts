import { ledger, readConfig } from "../../lib/config.ts";
import { dynamoClient } from "../../lib/dynamo/client.ts";
import { requireLedgerTable } from "../../lib/dynamo/table.ts";
import { LedgerUnavailableError } from "../../lib/ledger/errors.ts";
import { redisClient } from "../../lib/ledger/redis-client.ts";
import { forgettingOf } from "../../lib/ledger/redis-keeping.ts";
import { ensureLedgerTable } from "../dynamodb/table.ts";

const USAGE = `Usage: warren ledger create <table>   makes the DynamoDB table, unless it is there
       warren ledger check <table>    says whether it is there and as it should be
       warren ledger check            the same of the ledger that LEDGER names, by LEDGER_TABLE or REDIS_URL

Endpoint, region and credentials of DynamoDB are the AWS SDK's own: AWS_*`;

/** `warren ledger …`; a Redis needs nothing made, but must be one that does not forget. */
export async function command(args: string[]): Promise<number> {
  const [verb, table, ...rest] = args;
  try {
    if (rest.length > 0) return misused();
    if (verb === "check") return await (table === undefined ? check() : checkTable(table));
    if (verb !== "create" || table === undefined) return misused();
    await ensureLedgerTable({ table });
    console.log(`Table "${table}" is ready.`);
    return 0;
  } catch (error) {
    if (!(error instanceof LedgerUnavailableError)) throw error;
    console.error(error.message);
    return 1;
  }
}

function misused(): number {
  console.error(USAGE);
  return 2;
}

async function check(): Promise<number> {
  const config = readConfig(ledger, process.env);
  switch (config.LEDGER) {
    case "dynamodb":
      return checkTable(config.LEDGER_TABLE);
    case "redis":
      return checkRedis(config.REDIS_URL);
    case "none":
      console.log("LEDGER=none: there is nothing to check.");
      return 0;
  }
}

async function checkTable(table: string): Promise<number> {
  const client = dynamoClient();
  try {
    await requireLedgerTable({ client, table });
  } finally {
    client.destroy();
  }
  console.log(`Table "${table}" is ready.`);
  return 0;
}

async function checkRedis(url: string): Promise<number> {
  const client = redisClient(url);
  try {
    const forgetting = await forgettingOf(client);
    if (forgetting.length === 0) console.log("The Redis of REDIS_URL is ready.");
    for (const problem of forgetting) console.error(`It may forget rows: ${problem}.`);
    return forgetting.length === 0 ? 0 : 1;
  } finally {
    client.close();
  }
}
