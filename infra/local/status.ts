import type { Command } from "commander";
import { exit } from "../cli/errors.ts";
import { notes } from "../cli/help.ts";
import { ledgerTableOf, statusOf } from "./host.ts";
import { DEV, findService, LEDGER_TABLE } from "../service/instance.ts";
import { type ServiceName, services } from "./services.ts";
import { findDefaultKey, keysFileOf } from "./keys.ts";
import { findOffline } from "./offline-process.ts";
import type { Address } from "../service/service.ts";

/** Of a service that was started and does not answer. */
type Silent = { ready?: false };

/** The whole of `warren status --json`. A service that was never started is left out. */
export type Status = {
  ready: boolean;
  services: {
    rabbitmq?: Silent & { url: string; management?: string };
    dynamodb?: Silent & { endpoint: string; ledgerTable: string };
    neo4j?: Silent & { url: string; user: string; password: string };
    redis?: Silent & { url: string };
    qdrant?: Silent & { url: string; apiKey?: string };
    /** Lists what they were sent at `/received`. */
    providers?: Silent & { url: string };
  };
  functions: Record<
    string,
    { ready: boolean; url?: string; key?: string; [fact: string]: unknown }
  >;
  /** Where `npm run offline` runs the functions instead. */
  offline?: { url: string; pid: number };
};

/** What runs where, in the instance of `npm start`. Asks every service whether it answers. */
export async function status(directory = DEV, env = process.env): Promise<Status> {
  const [rabbitmq, dynamodb, neo4j, redis, qdrant, providers, host, table, key, offline] =
    await Promise.all([
      look(directory, "rabbitmq"),
      look(directory, "dynamodb"),
      look(directory, "neo4j"),
      look(directory, "redis"),
      look(directory, "qdrant"),
      look(directory, "providers"),
      statusOf(directory),
      ledgerTableOf(directory),
      findDefaultKey(directory, keysFileOf(directory, env)).catch(() => undefined),
      findOffline(),
    ]);
  const functions: Status["functions"] = { ...host?.functions };
  const ingest = functions["ingest"];
  if (ingest !== undefined && key !== undefined) functions["ingest"] = { ...ingest, key };

  return {
    ready:
      [rabbitmq, dynamodb, neo4j, redis, qdrant, providers].every(({ ready }) => ready) &&
      (host?.ready === true || offline !== undefined),
    services: {
      ...(rabbitmq.at && { rabbitmq: { ...broker(rabbitmq.at), ...silence(rabbitmq) } }),
      ...(dynamodb.at && {
        dynamodb: { ...ledger(dynamodb.at, table ?? LEDGER_TABLE), ...silence(dynamodb) },
      }),
      ...(neo4j.at && { neo4j: { ...graph(neo4j.at), ...silence(neo4j) } }),
      ...(redis.at && { redis: { url: redis.at["REDIS_URL"] ?? "", ...silence(redis) } }),
      ...(qdrant.at && { qdrant: { ...vectors(qdrant.at), ...silence(qdrant) } }),
      ...(providers.at && {
        providers: { url: providers.at["PROVIDERS_URL"] ?? "", ...silence(providers) },
      }),
    },
    functions,
    ...(offline && { offline: { url: offline.url, pid: offline.pid } }),
  };
}

/** `warren status [--json]`; exit code 0 when everything is ready. */
export function define(command: Command): void {
  command
    .option("--json", "print an object: ready, services, functions; with passwords and the key")
    .addHelpText("after", notes("warren status --json"))
    .action(async ({ json = false }: { json?: boolean }) => {
      const current = await status();
      console.log(json ? JSON.stringify(current) : tableOf(current));
      exit(current.ready ? 0 : 1);
    });
}

/** For people: no passwords, no keys. */
export function tableOf({ ready, services: found, functions, offline }: Status): string {
  const { rabbitmq, dynamodb, neo4j, redis, qdrant, providers } = found;
  const rows: [string, (string | undefined)[] | undefined][] = [
    ["RabbitMQ", rabbitmq && [...said(rabbitmq), withoutLogin(rabbitmq.url), rabbitmq.management]],
    [
      "DynamoDB",
      dynamodb && [...said(dynamodb), dynamodb.endpoint, `table ${dynamodb.ledgerTable}`],
    ],
    ["Neo4j", neo4j && [...said(neo4j), neo4j.url, `user ${neo4j.user}`]],
    ["Redis", redis && [...said(redis), withoutLogin(redis.url)]],
    ["Qdrant", qdrant && [...said(qdrant), withoutLogin(qdrant.url)]],
    ["Channels' ends", providers && [...said(providers), `${providers.url}/received`]],
    ...Object.entries(functions).map(([name, facts]): [string, string[]] => [name, factsOf(facts)]),
  ];
  const lines = rows.map(
    ([name, texts]) => `  ${name.padEnd(18)} ${texts?.join("  ") ?? "does not run"}`,
  );
  const elsewhere = offline ? `under serverless offline  ${offline.url}` : "do not run";
  const hosted = Object.keys(functions).length > 0 ? [] : [`  Functions          ${elsewhere}`];
  const verdict = ready ? "Ready." : "Not ready: `npm start` starts what is missing.";
  return [...lines, ...hosted, verdict].join("\n");
}

function said({ ready }: Silent): string[] {
  return ready === false ? ["DOES NOT ANSWER"] : [];
}

function factsOf(facts: Status["functions"][string]): string[] {
  const texts = Object.entries(facts)
    .filter(([name]) => name !== "ready" && name !== "key")
    .map(([name, value]) => `${name} ${String(value)}`);
  return [facts.ready ? "ready" : "NOT READY", ...texts];
}

function silence({ ready }: { ready: boolean }): { ready?: false } {
  return ready ? {} : { ready: false };
}

async function look(
  directory: string,
  name: ServiceName,
): Promise<{ at?: Address; ready: boolean }> {
  const service = services[name];
  const found = await findService(directory, service).catch(() => undefined);
  if (found === undefined) return { ready: false };
  return { at: found.address, ready: found.alive && (await service.answers(found.address)) };
}

function broker({ RABBITMQ_URL: url = "", RABBITMQ_MANAGEMENT_URL: management }: Address) {
  return { url, ...(management !== undefined && { management }) };
}

function ledger({ AWS_ENDPOINT_URL_DYNAMODB: endpoint = "" }: Address, ledgerTable: string) {
  return { endpoint, ledgerTable };
}

function graph({
  NEO4J_URL: url = "",
  NEO4J_USER: user = "",
  NEO4J_PASSWORD: password = "",
}: Address) {
  return { url, user, password };
}

function vectors({ QDRANT_URL: url = "", QDRANT_API_KEY: apiKey }: Address) {
  return { url, ...(apiKey !== undefined && { apiKey }) };
}

function withoutLogin(url: string): string {
  const address = new URL(url);
  address.username = address.password = "";
  return address.href;
}
