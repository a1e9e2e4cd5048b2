import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LOCAL_ENV } from "../dynamodb/table.ts";
import { once } from "./files.ts";
import { freePorts } from "./ports.ts";
import { end, launch, running, untilReady } from "./processes.ts";
import type { Address, Place, Service } from "./service.ts";
import { type Artifact, jarsOf, requireJava } from "./tools.ts";

/** Later ones could not be resolved completely on the day they were tried. */
const ARTIFACT: Artifact = {
  groupId: "software.amazon.dynamodb",
  artifactId: "DynamoDBLocal",
  version: "3.1.0",
};
const LAUNCHER = fileURLToPath(new URL("LoopbackDynamoDb.java", import.meta.url));

type Settings = { port: number };

/** DynamoDB Local in memory: a stop forgets the ledger, the sinks' proofs remain. */
export const dynamodb: Service = {
  name: "dynamodb",
  title: "DynamoDB Local",
  variables: ["AWS_ENDPOINT_URL_DYNAMODB"],
  container: {
    service: "dynamodb",
    ports: ["DYNAMODB_PORT"],
    password: undefined,
    address: (chosen) => addressOf({ port: Number(chosen["DYNAMODB_PORT"]) }),
  },
  native: { start, stop, address },
};

async function start(place: Place): Promise<Address> {
  await requireJava("DynamoDB Local");
  const jars = await jarsOf(place.cache, [ARTIFACT], "DynamoDB Local");
  const settings = await settingsOf(place);
  const args = [
    ...["-Xmx256m", `-Djava.library.path=${jars}`, "-cp", `${jars}/*`, LAUNCHER],
    ...["-inMemory", "-sharedDb", "-disableTelemetry", "-port", String(settings.port)],
  ];
  await launch({ folder: place.folder, command: "java", args, env: process.env });
  await untilReady(place.folder, "DynamoDB Local", () => isHealthy(settings), 60_000);
  return addressOf(settings);
}

function stop({ folder }: Place): Promise<void> {
  return end(folder, 10_000);
}

async function address(place: Place): Promise<Address | undefined> {
  if ((await running(place.folder)) === undefined) return undefined;
  const settings = await settingsOf(place);
  return (await isHealthy(settings)) ? addressOf(settings) : undefined;
}

function settingsOf({ folder }: Place): Promise<Settings> {
  return once(join(folder, "settings.json"), async () => ({ port: (await freePorts(1))[0]! }));
}

/** It answers a request without a signature with 400: that is an answer. */
async function isHealthy({ port }: Settings): Promise<boolean> {
  const url = `http://127.0.0.1:${port}`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  return answer?.status === 400;
}

function addressOf({ port }: Settings): Address {
  return { AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${port}`, ...LOCAL_ENV };
}
