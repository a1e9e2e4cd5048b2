import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { bundleFunction, type Bundle } from "../infra/bundle/bundle.ts";
import { zipOf } from "../infra/bundle/zip.ts";
import { readHandlers } from "../lib/host/declaration.ts";

const ROOT = join(import.meta.dirname, "..");

/** A function's zip, unpacked where no node_modules is to be found. */
export type Unpacked = Bundle & {
  zip: Uint8Array;
  /** As Lambda's /var/task. */
  folder: string;
  /** The entry's absolute path. */
  file: string;
};

/** The zips of these functions, or of all of serverless.yml, each in an empty folder of its own. */
export async function unpackedBundles(names?: readonly string[]): Promise<{
  bundles: Unpacked[];
  /** Where the folders lie. */
  home: string;
  remove: () => Promise<void>;
}> {
  const home = await mkdtemp(join(tmpdir(), "warren-bundles-"));
  const bundles: Unpacked[] = [];
  for (const handler of await readHandlers(ROOT)) {
    if (names !== undefined && !names.includes(handler.name)) continue;
    const bundle = await bundleFunction(handler, ROOT);
    const zip = zipOf(bundle.files);
    const folder = join(home, bundle.name);
    for (const [path, bytes] of Object.entries(unzipSync(zip))) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), bytes);
    }
    bundles.push({ ...bundle, zip, folder, file: join(folder, bundle.entry) });
  }
  return { bundles, home, remove: () => rm(home, { recursive: true }) };
}
