import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { readConfig } from "../../lib/config.ts";
import { ensureDirectoryTable } from "./directory-table.ts";
import { ensureLedgerTable, LOCAL_ENV } from "./table.ts";
import { type Artifact, jarsOf, jarsFolder } from "../service/jars.ts";
import { natively, type Process } from "../service/native.ts";
import type { Address, Place, Service } from "../service/service.ts";
import type { Settings } from "../service/settings.ts";

/** Maven could not resolve all dependencies of later versions when we tried them. */
const ARTIFACTS: readonly Artifact[] = [
  { groupId: "software.amazon.dynamodb", artifactId: "DynamoDBLocal", version: "3.1.0" },
  // The version of the Jetty in DynamoDB Local.
  { groupId: "org.eclipse.jetty", artifactId: "jetty-xml", version: "12.0.14" },
];

const server: Process<"http"> = {
  name: "server",
  launch: (place) => ({
    command: "java",
    args: argumentsFor(place),
    env: process.env,
    cwd: place.folder,
  }),
  answers: (settings) => answers(addressOf(settings)),
  startMs: 60_000,
  graceMs: 10_000,
};

const tables = z.object({ LEDGER_TABLE: z.string(), DIRECTORY_TABLE: z.string() });

/**
 * DynamoDB Local in memory: a stop loses the ledger and the directory. The projections keep their proofs;
 * the senders have none. With a file, each claim waits for the disk and takes ten times as long.
 */
export const dynamodb: Service<{ endpoint: string; ledgerTable: string }> = {
  name: "dynamodb",
  title: "DynamoDB Local",
  provides: ["AWS_ENDPOINT_URL_DYNAMODB", "LEDGER_TABLE", "DIRECTORY_TABLE"],
  defaults: { LEDGER_TABLE: "warren-ledger", DIRECTORY_TABLE: "warren-directory" },
  given,
  answers,
  async prepare(environment) {
    const endpoint = environment["AWS_ENDPOINT_URL_DYNAMODB"];
    const { LEDGER_TABLE, DIRECTORY_TABLE } = readConfig(tables, environment);
    await Promise.all([
      ensureLedgerTable({ endpoint, table: LEDGER_TABLE }),
      ensureDirectoryTable({ endpoint, table: DIRECTORY_TABLE }),
    ]);
  },
  describe: ({ AWS_ENDPOINT_URL_DYNAMODB: endpoint = "", LEDGER_TABLE: ledgerTable = "" }) => ({
    endpoint,
    ledgerTable,
  }),
  row: ({ endpoint, ledgerTable }) => [endpoint, `table ${ledgerTable}`],
  native: natively({
    title: "DynamoDB Local",
    ports: ["http"],
    prepare: configure,
    processes: [server],
    addressOf,
  }),
  container: {
    ports: ["DYNAMODB_PORT"],
    password: undefined,
    addressOf: ({ DYNAMODB_PORT }) => addressOf({ ports: { http: DYNAMODB_PORT! } }),
  },
};

/** For the user's own DynamoDB on this machine, region and credentials are optional. */
function given(env: NodeJS.ProcessEnv): Address | undefined {
  const { AWS_ENDPOINT_URL_DYNAMODB } = readConfig(
    z.object({ AWS_ENDPOINT_URL_DYNAMODB: z.url().optional() }),
    env,
  );
  if (AWS_ENDPOINT_URL_DYNAMODB === undefined) return undefined;
  const isHere = ["127.0.0.1", "localhost"].includes(new URL(AWS_ENDPOINT_URL_DYNAMODB).hostname);
  return { AWS_ENDPOINT_URL_DYNAMODB, ...(isHere && LOCAL_ENV) };
}

async function configure(place: Place, { ports }: Settings<"http">): Promise<void> {
  await jarsOf(place, ARTIFACTS, "DynamoDB Local");
  await writeFile(join(place.folder, "jetty.xml"), configurationOf(ports.http));
}

/**
 * DynamoDB Local's main class listens on every address and accepts any credentials. Jetty's XML serves
 * the same parts on the loopback address only, without the telemetry. The handler's arguments:
 * (unused), in memory, no file, one database for all keys and regions, tables are ready at once.
 */
export function configurationOf(port: number): string {
  const local = "software.amazon.dynamodb.services.local.server";
  return `<?xml version="1.0"?>
<!DOCTYPE Configure PUBLIC "-//Jetty//Configure//EN" "https://jetty.org/configure_10_0.dtd">
<Configure id="server" class="org.eclipse.jetty.server.Server">
  <Call name="addConnector"><Arg><New class="org.eclipse.jetty.server.ServerConnector">
    <Arg name="server"><Ref refid="server"/></Arg>
    <Set name="host">127.0.0.1</Set>
    <Set name="port">${port}</Set>
  </New></Arg></Call>
  <Set name="handler"><New class="${local}.LocalDynamoDBServerHandler">
    <Arg><New class="${local}.LocalDynamoDBRequestHandler">
      <Arg type="int">0</Arg>
      <Arg type="boolean">true</Arg>
      <Arg/>
      <Arg type="boolean">true</Arg>
      <Arg type="boolean">false</Arg>
    </New></Arg>
    <Arg/>
  </New></Set>
</Configure>
`;
}

function argumentsFor(place: Place): string[] {
  const jars = jarsFolder(place.cache, ARTIFACTS);
  const libraries = ["-cp", `${jars}/*`, `-Djava.library.path=${jars}`];
  const main = "org.eclipse.jetty.xml.XmlConfiguration";
  return ["-Xmx256m", ...libraries, main, join(place.folder, "jetty.xml")];
}

/** DynamoDB Local answers 400 to a request without a signature. */
async function answers({ AWS_ENDPOINT_URL_DYNAMODB: url = "" }: Address): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer !== undefined && answer.status < 500;
}

function addressOf({ ports }: { ports: { http: number } }): Address {
  return { AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${ports.http}`, ...LOCAL_ENV };
}
