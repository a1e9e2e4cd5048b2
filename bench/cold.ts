/**
 * The cost of a cold start: the bytes of each function's bundle, and the time to import it in a fresh
 * process, with and without source maps. For comparison an empty module, and two ways to load the AWS SDK.
 */
import { execFileSync } from "node:child_process";
import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import webPush from "web-push";
import { unpackedBundles } from "../tests/unpacked.ts";
import { median, printMachine, printTable } from "./report.ts";

const ROOT = join(import.meta.dirname, "..");
const { values: flags } = parseArgs({ options: { rounds: { type: "string", default: "21" } } });
const ROUNDS = Number(flags.rounds);

const vapid = webPush.generateVAPIDKeys();
/** Enough to import every function; nothing connects. */
const ENVIRONMENT = {
  AWS_REGION: "eu-central-1",
  DIRECTORY_TABLE: "directory",
  LEDGER_TABLE: "ledger",
  MAIL_FROM: "shop@example.com",
  NEO4J_PASSWORD: "none",
  NEO4J_URL: "bolt://127.0.0.1:1",
  NEO4J_USER: "neo4j",
  PUSH_PRIVATE_KEY: vapid.privateKey,
  PUSH_PUBLIC_KEY: vapid.publicKey,
  PUSH_SUBJECT: "mailto:shop@example.com",
  QDRANT_URL: "http://127.0.0.1:1",
  RABBITMQ_URL: "amqp://127.0.0.1:1",
  SMS_ACCOUNT: "AC0",
  SMS_FROM: "+10000000000",
  SMS_TOKEN: "none",
  SMTP_URL: "smtp://127.0.0.1:1",
  TELEGRAM_TOKEN: "1:none",
};

/** The parts of the SDK that the ledger uses. */
const SDK = `export {
  BatchExecuteStatementCommand, BatchGetItemCommand, DescribeTableCommand, DynamoDBClient
} from "@aws-sdk/client-dynamodb";`;

type Subject = {
  label: string;
  file: string;
  node?: string[];
  env?: Record<string, string>;
  bytes?: (string | number)[];
};
type Import = { wallMs: number; cpuMs: number };

printMachine(["esbuild", "@aws-sdk/client-dynamodb", "neo4j-driver"], {});
const { bundles, home, remove } = await unpackedBundles();
const unbundled = join(ROOT, "bench", `.sdk-${process.pid}.mjs`);
try {
  const subjects = await subjectsOf();
  const imports = new Map(subjects.map(({ label }) => [label, [] as Import[]]));
  // Subjects take turns, so that other load affects all of them alike.
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const subject of subjects) imports.get(subject.label)!.push(importOnce(subject));
  }
  console.log(`import in a fresh process, median of ${ROUNDS}; sizes in KB of 1000 bytes\n`);
  printTable(
    ["", "import ms", "fastest", "CPU ms", "loaded KB", "all KB", "zip KB"],
    subjects.map(({ label, bytes = ["", "", ""] }) => {
      const all = imports.get(label)!;
      const fastest = Math.min(...all.map(({ wallMs }) => wallMs));
      const wall = median(all, ({ wallMs }) => wallMs).wallMs;
      const cpu = median(all, ({ cpuMs }) => cpuMs).cpuMs;
      return [label, ...[wall, fastest, cpu].map((ms) => ms.toFixed(1)), ...bytes];
    }),
  );
  for (const { name, parts } of bundles) {
    const largest = parts.slice(0, 8).map(([part, bytes]) => `${part} ${kilobytes(bytes)}`);
    console.log(`\n${name}: ${largest.join(", ")} KB`);
  }
} finally {
  await remove();
  await rm(unbundled, { force: true });
}

async function subjectsOf(): Promise<Subject[]> {
  const empty = join(home, "empty.mjs");
  await writeFile(empty, "export {};");
  const bundled = join(home, "sdk.mjs");
  const options = { bundle: true, minify: true, format: "esm", platform: "node" } as const;
  const stdin = { contents: SDK, resolveDir: ROOT };
  await build({ ...options, stdin, outfile: bundled, mainFields: ["module", "main"] });
  const sdkBytes = kilobytes((await stat(bundled)).size);
  await writeFile(unbundled, SDK);
  const keys = join(home, "keys.json");
  await writeFile(keys, '{"keys":[]}');
  const env = { API_KEYS_FILE: keys };

  return [
    { label: "an empty module", file: empty },
    ...bundles.flatMap(({ name, file, loadedBytes, totalBytes, zip }): Subject[] => {
      const bytes = [loadedBytes, totalBytes, zip.byteLength].map(kilobytes);
      const maps = { label: `${name} --enable-source-maps`, node: ["--enable-source-maps"] };
      return [
        { label: name, file, env, bytes },
        { ...maps, file, env },
      ];
    }),
    ...bundles
      .filter(({ name }) => name === "ingest")
      .map(({ file }) => ({
        label: "ingest, keys in a table",
        file,
        env: { API_KEYS_TABLE: "keys" },
      })),
    { label: "the AWS SDK, bundled", file: bundled, bytes: [sdkBytes, sdkBytes, ""] },
    { label: "the AWS SDK from node_modules", file: unbundled },
  ];
}

function importOnce({ file, node = [], env = {} }: Subject): Import {
  const script = `
    const cpu = process.cpuUsage();
    const start = performance.now();
    await import(${JSON.stringify(pathToFileURL(file).href)});
    const wallMs = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    process.stdout.write(JSON.stringify({ wallMs, cpuMs: (user + system) / 1_000 }));
    process.exit();`;
  const args = [...node, "--input-type=module", "--eval", script];
  const options = { env: { ...ENVIRONMENT, ...env }, encoding: "utf8" } as const;
  return JSON.parse(execFileSync(process.execPath, args, options)) as Import;
}

function kilobytes(bytes: number): number {
  return Math.round(bytes / 1_000);
}
