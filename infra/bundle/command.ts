import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { readHandlers } from "../../lib/host/declaration.ts";
import { UsageError } from "../cli/errors.ts";
import { notes } from "../cli/help.ts";
import { known } from "../cli/nearest.ts";
import { bundleFunction, type Bundle } from "./bundle.ts";
import { zipOf } from "./zip.ts";

const ROOT = join(import.meta.dirname, "../..");

/** `warren bundle`; needs no network and no credentials. */
export function define(command: Command): void {
  command
    .argument("[function...]", "functions of serverless.yml (default: all)")
    .option("--root <directory>", "folder of serverless.yml (default: this project)")
    .addHelpText("after", notes("warren bundle ingest recommend"))
    .action((names: string[], { root = ROOT }: { root?: string }) => bundle(root, names));
}

/** One after the other: esbuild uses all cores for each. */
async function bundle(root: string, names: readonly string[]): Promise<void> {
  const declared = await readHandlers(root);
  for (const name of names) {
    if (declared.some((one) => one.name === name)) continue;
    const names = declared.map((one) => one.name);
    throw new UsageError(`no function ${name} in serverless.yml: ${known(name, names)}`);
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
