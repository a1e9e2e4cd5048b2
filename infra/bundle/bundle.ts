import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { build, type Metafile } from "esbuild";
import type { DeclaredHandler } from "../../lib/host/declaration.ts";

/** A function as packaged for Lambda. Paths are relative to the zip's root, with `/`. */
export type Bundle = {
  name: string;
  /** The module that the handler string of serverless.yml names, with `.mjs` for `.ts`. */
  entry: string;
  exported: string;
  /**
   * Contents by path: the entry, the chunks that it imports on demand, a source map for each, and the
   * files of the function's `templates/`.
   */
  files: Record<string, Uint8Array>;
  /** Bytes of JavaScript that an import of the entry reads, and with everything on demand. */
  loadedBytes: number;
  totalBytes: number;
  /** Bytes by npm package, Warren's own under "warren"; the largest first. */
  parts: [name: string, bytes: number][];
};

/**
 * CommonJS packages (amqplib, pino, prom-client) call `require` for Node's built-in modules; an ES
 * module has none. The name must not collide with one that the minifier generates.
 */
const REQUIRE =
  'import{createRequire as warrenCreateRequire}from"node:module";' +
  "const require=warrenCreateRequire(import.meta.url);";

/**
 * Bundles one function with everything it imports, including the AWS SDK (docs/decisions/1). Modules
 * imported on demand become separate chunks, so that a start does not read them. The same sources give
 * the same bytes. Throws esbuild's error, which names file and line.
 */
export async function bundleFunction(
  { name, file, exported }: DeclaredHandler,
  root: string,
): Promise<Bundle> {
  const source = relative(root, file);
  const path = source.replace(/\.ts$/, "");
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [{ in: source, out: path }],
    outdir: root,
    outExtension: { ".js": ".mjs" },
    chunkNames: `${dirname(path)}/chunks/[name]-[hash]`,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    // esbuild can drop unused parts of ES modules: 200 KB of the AWS SDK.
    mainFields: ["module", "main"],
    minify: true,
    // Node quotes the line that threw: 100 KB of it would bury the message.
    lineLimit: 200,
    sourcemap: true,
    sourcesContent: false,
    banner: { js: REQUIRE },
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const files = [
    ...outputFiles.map((one) => [slashed(relative(root, one.path)), one.contents] as const),
    ...(await templatesBeside(source, root)),
  ];
  const entry = `${slashed(path)}.mjs`;
  const modules = Object.keys(metafile.outputs).filter((one) => one.endsWith(".mjs"));
  return {
    name,
    entry,
    exported,
    files: Object.fromEntries(files.toSorted(([a], [b]) => (a < b ? -1 : 1))),
    loadedBytes: sum(loadedWith(entry, metafile).map((one) => metafile.outputs[one]!.bytes)),
    totalBytes: sum(modules.map((one) => metafile.outputs[one]!.bytes)),
    parts: partsOf(metafile),
  };
}

/** Templates keep their path, so that the bundled entry finds them as its source does. */
async function templatesBeside(source: string, root: string): Promise<[string, Uint8Array][]> {
  const folder = join(dirname(source), "templates");
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    },
  );
  const files = entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  const readOne = async (file: string): Promise<[string, Uint8Array]> => [
    slashed(relative(root, file)),
    await readFile(file),
  ];
  return Promise.all(files.map(readOne));
}

/** The module and all that it imports statically, directly or not. */
function loadedWith(entry: string, { outputs }: Metafile): string[] {
  const loaded = new Set([entry]);
  for (const path of loaded) {
    for (const { kind, path: imported } of outputs[path]?.imports ?? []) {
      if (kind === "import-statement" && outputs[imported] !== undefined) loaded.add(imported);
    }
  }
  return [...loaded];
}

function partsOf({ outputs }: Metafile): [string, number][] {
  const bytes = new Map<string, number>();
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const [, name = "warren"] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
      bytes.set(name, (bytes.get(name) ?? 0) + bytesInOutput);
    }
  }
  return [...bytes].toSorted(([, a], [, b]) => b - a);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function slashed(path: string): string {
  return path.replaceAll("\\", "/");
}
