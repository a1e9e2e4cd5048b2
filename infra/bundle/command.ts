import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DeclarationError, readHandlers } from "../../lib/host/declaration.ts";
import { bundleFunction, type Bundle } from "./bundle.ts";
import { zipOf } from "./zip.ts";

const USAGE = `Usage: warren bundle [function …]

Makes dist/<function>.zip for Lambda, of all functions of serverless.yml or of those that are named.

  --root DIRECTORY   where serverless.yml lies (this project)
`;

const ROOT = join(import.meta.dirname, "../..");

class UsageError extends Error {
  override name = "UsageError";
}

/** `warren bundle`; needs no network and no credentials. */
export async function command(args: string[]): Promise<number> {
  try {
    const { names, root, help } = parse(args);
    if (help) console.log(USAGE);
    else await bundle(root, names);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof DeclarationError)) throw error;
    console.error(error.message);
    return 2;
  }
}

/** One after the other: esbuild uses all cores for each. */
async function bundle(root: string, names: readonly string[]): Promise<void> {
  const declared = await readHandlers(root);
  for (const name of names) {
    if (declared.some((one) => one.name === name)) continue;
    const known = declared.map((one) => one.name).join(", ");
    throw new UsageError(`no function ${name} in serverless.yml; there are ${known}`);
  }
  const folder = join(root, "dist");
  await mkdir(folder, { recursive: true });
  for (const handler of declared) {
    if (names.length > 0 && !names.includes(handler.name)) continue;
    const made = await bundleFunction(handler, root);
    const zip = zipOf(made.files);
    await writeFile(join(folder, `${made.name}.zip`), zip);
    console.log(lineOf(made, zip.byteLength));
  }
}

function lineOf({ name, loadedBytes, totalBytes }: Bundle, zipped: number): string {
  const [loaded, total, zip] = [loadedBytes, totalBytes, zipped].map(
    (bytes) => `${Math.round(bytes / 1_000)} KB`,
  );
  return `dist/${name}.zip  ${zip}: ${loaded} of JavaScript at the start, ${total} in all`;
}

function parse(args: string[]): { names: string[]; root: string; help: boolean } {
  try {
    const { positionals, values } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        root: { type: "string", default: ROOT },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    return { names: positionals, ...values };
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
}
