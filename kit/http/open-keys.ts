import type { Logger } from "../../lib/log.ts";
import type { KeySource } from "./keys-config.ts";
import { fileKeys, type Keys } from "./keys.ts";

/** The keys of a file or a table. Imports the large AWS SDK only for a table. */
export async function openKeys(
  source: KeySource,
  { now, log }: { now: () => number; log: Pick<Logger, "info" | "warn" | "error"> },
): Promise<Keys> {
  if ("file" in source) return fileKeys(source.file, { now, log });
  const [{ dynamoClient }, { tableKeys }] = await Promise.all([
    import("../../lib/dynamo/client.ts"),
    import("./table-keys.ts"),
  ]);
  return tableKeys({ client: dynamoClient(), table: source.table, now, log });
}
