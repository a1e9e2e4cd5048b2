import { dynamoClient } from "../../lib/ledger/dynamo-client.ts";
import { requireLedgerTable } from "../../lib/ledger/dynamo-table.ts";
import { ensureLedgerTable } from "./table.ts";

const USAGE = "Usage: warren ledger create|check <table>   (endpoint, region, credentials: AWS_*)";

/** `warren ledger create <table>` makes the ledger's table unless it is there; `check` only looks. */
export async function command([verb, table, ...rest]: string[]): Promise<number> {
  if (table === undefined || rest.length > 0 || (verb !== "create" && verb !== "check")) {
    console.error(USAGE);
    return 2;
  }
  if (verb === "create") await ensureLedgerTable({ table });
  else await requireLedgerTable({ client: dynamoClient(), table });
  console.log(`Table "${table}" is ready.`);
  return 0;
}
