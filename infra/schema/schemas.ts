import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import * as z from "zod";
import { ConfigError } from "../../lib/config.ts";
import { readHandlers } from "../../lib/host/declaration.ts";
import { exists } from "../service/tools.ts";

/** The project's folder, which contains serverless.yml. */
const ROOT = join(import.meta.dirname, "../..");

/**
 * What the functions of serverless.yml require in a product. Reads the export of this name, such as `neo4j`,
 * from each schema.ts in a handler's folder. Throws ConfigError, which names the wrong file.
 */
export async function readSchemas<T extends z.ZodType>(
  product: string,
  schema: T,
  root: string = ROOT,
): Promise<z.infer<T>[]> {
  const folders = new Set((await readHandlers(root)).map(({ file }) => dirname(file)));
  const declared: z.infer<T>[] = [];
  for (const folder of folders) {
    const file = join(folder, "schema.ts");
    if (!(await exists(file))) continue;
    const exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    if (exported[product] === undefined) continue;
    const { data, error } = schema.safeParse(exported[product]);
    if (error) throw new ConfigError(`${file}, ${product}: ${z.prettifyError(error)}`);
    declared.push(data);
  }
  return declared;
}
