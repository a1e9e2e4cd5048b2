import { createHash, randomBytes } from "node:crypto";
import { access, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { auth, driver } from "neo4j-driver";
import { newPassword, once, writeSecret } from "./files.ts";
import { freePorts } from "./ports.ts";
import { end, launch, running, untilReady } from "./processes.ts";
import type { Address, Place, Service } from "./service.ts";
import { type Artifact, jarsOf, requireJava } from "./tools.ts";

const VERSION = "5.26.30";
const ARTIFACTS: [Artifact, Artifact] = [
  { groupId: "org.neo4j", artifactId: "neo4j", version: VERSION },
  { groupId: "org.neo4j", artifactId: "neo4j-bolt", version: VERSION },
];
const USER = "neo4j";

type Settings = { bolt: number; password: string };

/** Neo4j Community without HTTP and browser, Bolt on the loopback address. */
export const neo4j: Service = {
  name: "neo4j",
  title: "Neo4j",
  variables: ["NEO4J_URL", "NEO4J_USER", "NEO4J_PASSWORD"],
  container: {
    service: "neo4j",
    ports: ["NEO4J_PORT"],
    password: "NEO4J_PASSWORD",
    address: (chosen) =>
      addressOf({ bolt: Number(chosen["NEO4J_PORT"]), password: chosen["NEO4J_PASSWORD"]! }),
  },
  native: { start, stop, address },
};

async function start(place: Place): Promise<Address> {
  const { folder, cache } = place;
  await requireJava("Neo4j");
  const jars = await jarsOf(cache, ARTIFACTS, "Neo4j");
  const settings = await settingsOf(place);
  await configure(folder, settings);
  await launch({ folder, command: "java", args: argumentsFor(folder, jars), env: process.env });
  await untilReady(folder, "Neo4j", () => isHealthy(settings), 90_000);
  return addressOf(settings);
}

function stop({ folder }: Place): Promise<void> {
  return end(folder, 30_000);
}

async function address(place: Place): Promise<Address | undefined> {
  if ((await running(place.folder)) === undefined) return undefined;
  const settings = await settingsOf(place);
  return (await isHealthy(settings)) ? addressOf(settings) : undefined;
}

function settingsOf({ folder }: Place): Promise<Settings> {
  return once(join(folder, "settings.json"), async () => ({
    bolt: (await freePorts(1))[0]!,
    password: newPassword(),
  }));
}

async function configure(folder: string, { bolt, password }: Settings): Promise<void> {
  await mkdir(join(folder, "conf"), { recursive: true, mode: 0o700 });
  await writeFile(join(folder, "conf", "neo4j.conf"), configurationOf(bolt));

  const accounts = join(folder, "data", "dbms", "auth.ini");
  const fresh = !(await access(join(folder, "data", "databases")).then(
    () => true,
    () => false,
  ));
  if (fresh) await writeSecret(accounts, accountOf(password));
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

/** The file from which Neo4j takes its first account: 1,024 rounds of SHA-256 over salt and password. */
function accountOf(password: string): string {
  const sha256 = (...parts: (Buffer | string)[]) =>
    parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
  const salt = randomBytes(32);
  let digest = sha256(salt, password);
  for (let round = 1; round < 1_024; round++) digest = sha256(digest);
  return `${USER}:SHA-256,${digest.toString("hex")},${salt.toString("hex")},1024:\n`;
}

function argumentsFor(folder: string, jars: string): string[] {
  const opens = ["java.nio", "java.io", "sun.nio.ch"];
  return [
    ...["-Xms512m", "-Xmx512m", "-XX:+UseParallelGC", "-XX:-OmitStackTraceInFastThrow"],
    ...opens.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`),
    ...["-cp", `${jars}/*`, "org.neo4j.server.CommunityEntryPoint"],
    ...[`--home-dir=${folder}`, `--config-dir=${join(folder, "conf")}`],
  ];
}

/** The port opens before the first query can be answered. */
async function isHealthy({ bolt, password }: Settings): Promise<boolean> {
  const graph = driver(`bolt://127.0.0.1:${bolt}`, auth.basic(USER, password), {
    connectionTimeout: 2_000,
    connectionAcquisitionTimeout: 3_000,
    maxTransactionRetryTime: 0,
  });
  try {
    await graph.executeQuery("RETURN 1");
    return true;
  } catch {
    return false;
  } finally {
    await graph.close();
  }
}

function addressOf({ bolt, password }: Settings): Address {
  return { NEO4J_URL: `bolt://127.0.0.1:${bolt}`, NEO4J_USER: USER, NEO4J_PASSWORD: password };
}
