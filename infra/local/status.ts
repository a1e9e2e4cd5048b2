import { parseArgs } from "node:util";
import { statusOf } from "./host.ts";
import { addressOf, DEV, environmentOf, services } from "./instance.ts";
import { defaultKey } from "./keys.ts";

/** The whole of `warren status --json`. */
export type Status = {
  ready: boolean;
  services: {
    rabbitmq: { url: string; management: string } | null;
    dynamodb: { endpoint: string; ledgerTable: string } | null;
    neo4j: { url: string; user: string; password: string } | null;
  };
  functions: Record<string, Record<string, unknown>>;
};

/** What runs where, in the instance of `npm start`. */
export async function status(): Promise<Status> {
  const found = await Promise.all(services.map((service) => addressOf(DEV, service, process.env)));
  const [rabbitmq, dynamodb, neo4j] = found;
  const { LEDGER_TABLE: ledgerTable = "" } = environmentOf([], process.env);
  const host = await statusOf(DEV);
  const functions = { ...host?.functions };
  if (functions["ingest"] !== undefined) {
    functions["ingest"] = { ...functions["ingest"], key: await defaultKey(DEV) };
  }
  return {
    ready: found.every((address) => address !== undefined) && (host?.ready ?? false),
    services: {
      rabbitmq: rabbitmq
        ? { url: rabbitmq["RABBITMQ_URL"]!, management: rabbitmq["RABBITMQ_MANAGEMENT_URL"] ?? "" }
        : null,
      dynamodb: dynamodb ? { endpoint: dynamodb["AWS_ENDPOINT_URL_DYNAMODB"]!, ledgerTable } : null,
      neo4j: neo4j
        ? {
            url: neo4j["NEO4J_URL"]!,
            user: neo4j["NEO4J_USER"] ?? "",
            password: neo4j["NEO4J_PASSWORD"] ?? "",
          }
        : null,
    },
    functions,
  };
}

/** `warren status [--json]`; exit code 0 when everything is ready. */
export async function command(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: "boolean", default: false } } });
  const current = await status();
  if (values.json) console.log(JSON.stringify(current));
  else print(current);
  return current.ready ? 0 : 1;
}

/** For people: where things are, no passwords. */
export function print({ ready, services: found, functions }: Status): void {
  const rows = [
    [
      "RabbitMQ",
      found.rabbitmq && `${withoutLogin(found.rabbitmq.url)}  ${found.rabbitmq.management}`,
    ],
    [
      "DynamoDB",
      found.dynamodb && `${found.dynamodb.endpoint}  table ${found.dynamodb.ledgerTable}`,
    ],
    ["Neo4j", found.neo4j && `${found.neo4j.url}  user ${found.neo4j.user}`],
    ...Object.entries(functions).map(([name, { key: _, ...facts }]) => [
      name,
      Object.entries(facts)
        .map(([fact, value]) => `${fact} ${String(value)}`)
        .join("  "),
    ]),
  ];
  for (const [name, text] of rows) console.log(`  ${name!.padEnd(18)} ${text ?? "not running"}`);
  console.log(ready ? "Ready." : "Not ready: `npm start` starts what is missing.");
}

function withoutLogin(url: string): string {
  const address = new URL(url);
  address.username = address.password = "";
  return address.href;
}
