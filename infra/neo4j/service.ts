import { createHash, randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { graphVariables } from "../../kit/neo4j/config.ts";
import { openNeo4j } from "../../kit/neo4j/neo4j.ts";
import { readConfig } from "../../lib/config.ts";
import { applyConstraints } from "./constraints.ts";
import { declaredConstraints } from "./declared.ts";
import { writeSecret } from "../service/files.ts";
import { type Artifact, jarsFolder, jarsOf } from "../service/jars.ts";
import { natively, type Process } from "../service/native.ts";
import type { Address, Place, Service } from "../service/service.ts";
import type { Settings } from "../service/settings.ts";
import { exists } from "../service/tools.ts";

const VERSION = "5.26.30";
const ARTIFACTS: readonly Artifact[] = [
  { groupId: "org.neo4j", artifactId: "neo4j", version: VERSION },
  { groupId: "org.neo4j", artifactId: "neo4j-bolt", version: VERSION },
];
const USER = "neo4j";

const server: Process<"bolt"> = {
  name: "server",
  launch: (place) => ({ command: "java", args: argumentsFor(place), env: process.env }),
  answers: (settings) => answers(addressOf(settings)),
  startMs: 90_000,
  graceMs: 30_000,
};

/** Neo4j Community without HTTP and browser, Bolt on the loopback address. */
export const neo4j: Service<{ url: string; user: string; password: string }> = {
  name: "neo4j",
  title: "Neo4j",
  provides: Object.keys(graphVariables),
  given,
  answers,
  async prepare(environment) {
    const at = serverOf(readConfig(z.object(graphVariables), environment));
    await applyConstraints(at, await declaredConstraints());
  },
  describe: (environment) => serverOf(environment),
  row: ({ url, user }) => [url, `user ${user}`],
  native: natively({
    title: "Neo4j",
    ports: ["bolt"],
    prepare: configure,
    processes: [server],
    addressOf,
  }),
  container: {
    ports: ["NEO4J_PORT"],
    password: "NEO4J_PASSWORD",
    addressOf: ({ NEO4J_PORT }, password) => addressOf({ ports: { bolt: NEO4J_PORT! }, password }),
  },
};

function serverOf(address: Address): { url: string; user: string; password: string } {
  const { NEO4J_URL: url = "", NEO4J_USER: user = "", NEO4J_PASSWORD: password = "" } = address;
  return { url, user, password };
}

function given(env: NodeJS.ProcessEnv): Address | undefined {
  if (!env["NEO4J_URL"]) return undefined;
  return readConfig(z.object(graphVariables), env);
}

async function configure(place: Place, { ports, password }: Settings<"bolt">): Promise<void> {
  const { folder } = place;
  await jarsOf(place, ARTIFACTS, "Neo4j");
  await mkdir(join(folder, "conf"), { recursive: true, mode: 0o700 });
  await writeFile(join(folder, "conf", "neo4j.conf"), configurationOf(ports.bolt));
  // Neo4j reads this once, when it creates its user database.
  const isFresh = !(await exists(join(folder, "data", "databases")));
  if (isFresh) await writeSecret(join(folder, "data", "dbms", "auth.ini"), accountOf(password));
}

export function configurationOf(bolt: number): string {
  return `server.bolt.enabled=true
server.bolt.listen_address=127.0.0.1:${bolt}
server.http.enabled=false
server.https.enabled=false
dbms.security.auth_enabled=true
server.memory.pagecache.size=256m
db.tx_log.preallocate=false
db.tx_log.rotation.size=64m
db.logs.query.enabled=OFF
dbms.usage_report.enabled=false
internal.server.bolt.thread_pool_shutdown_wait_time=100ms
`;
}

/** Neo4j's own format: 1,024 rounds of SHA-256 over salt and password. */
function accountOf(password: string): string {
  const salt = randomBytes(32);
  let digest = createHash("sha256").update(salt).update(password).digest();
  for (let round = 1; round < 1_024; round++) digest = createHash("sha256").update(digest).digest();
  return `${USER}:SHA-256,${digest.toString("hex")},${salt.toString("hex")},1024:\n`;
}

function argumentsFor({ folder, cache }: Place): string[] {
  const memory = ["-Xms512m", "-Xmx512m", "-XX:+UseParallelGC", "-XX:-OmitStackTraceInFastThrow"];
  const opens = ["java.nio", "java.io", "sun.nio.ch"].map(
    (name) => `--add-opens=java.base/${name}=ALL-UNNAMED`,
  );
  const libraries = ["-cp", `${jarsFolder(cache, ARTIFACTS)}/*`];
  const main = "org.neo4j.server.CommunityEntryPoint";
  const homes = [`--home-dir=${folder}`, `--config-dir=${join(folder, "conf")}`];
  return [...memory, ...opens, ...libraries, main, ...homes];
}

/** The port opens before the server can answer a query. */
async function answers(address: Address): Promise<boolean> {
  const { NEO4J_URL: url = "", NEO4J_USER: user = "", NEO4J_PASSWORD: password = "" } = address;
  const graph = openNeo4j({ url, user, password, connectMs: 2_000, transactionMs: 3_000 });
  try {
    await graph.query({ text: "RETURN 1", parameters: {} }, AbortSignal.timeout(5_000));
    return true;
  } catch {
    return false;
  } finally {
    await graph.close();
  }
}

function addressOf({ ports, password }: { ports: { bolt: number }; password: string }): {
  NEO4J_URL: string;
  NEO4J_USER: string;
  NEO4J_PASSWORD: string;
} {
  return {
    NEO4J_URL: `bolt://127.0.0.1:${ports.bolt}`,
    NEO4J_USER: USER,
    NEO4J_PASSWORD: password,
  };
}
