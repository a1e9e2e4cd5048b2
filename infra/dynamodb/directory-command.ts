import { openDirectory } from "../../kit/people/open-directory.ts";
import { ensureDirectoryTable } from "./directory-table.ts";

const USAGE =
  "Usage: warren directory create|check <table>   (endpoint, region, credentials: AWS_*)";

/** `warren directory create <table>` makes the directory's table unless it is there; `check` only looks. */
export async function command([verb, table, ...rest]: string[]): Promise<number> {
  if (table === undefined || rest.length > 0 || (verb !== "create" && verb !== "check")) {
    console.error(USAGE);
    return 2;
  }
  if (verb === "create") await ensureDirectoryTable({ table });
  else await openDirectory({ table }).requireTable();
  console.log(`Table "${table}" is ready.`);
  return 0;
}
