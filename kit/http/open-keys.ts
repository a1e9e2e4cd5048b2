import type { Logger } from "../../lib/log.ts";
import type { KeySource } from "./keys-config.ts";
import { fileKeys, type Keys } from "./keys.ts";

/** The keys of a file or a table. A file needs no AWS SDK, which is half as large again as all the rest. */
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
