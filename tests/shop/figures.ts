import type { Driver } from "neo4j-driver";
import { printMachine, printTable } from "../../bench/report.ts";
import type { Status } from "../../infra/local/status.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import type { Posted } from "./post.ts";

/** What the figures depend on: machine, versions, `workers`. */
export async function printPlace(
  driver: Driver,
  { services: { rabbitmq, dynamodb } }: Status,
  workers: string,
): Promise<void> {
  const { agent = "unknown" } = await driver.getServerInfo();
  printMachine(["neo4j-driver", "amqplib", "@aws-sdk/client-dynamodb"], {
    Neo4j: agent,
    RabbitMQ: rabbitmq === undefined ? "unknown" : await brokerVersion(rabbitmq.url),
    DynamoDB: dynamodb?.endpoint ?? "unknown",
    "neo4j-projector": workers,
  });
}

async function brokerVersion(url: string): Promise<string> {
  return withChannel({ url, name: "demo" }, async ({ connection }) => {
    const { serverProperties } = connection as unknown as {
      serverProperties: { version: string };
    };
    return serverProperties.version;
  });
}

/** Times are epoch ms. */
export function printFigures({
  posted: { accepted, sentAt },
  appliedAt,
  startedAt,
  postedAt,
}: {
  posted: Posted;
  /** By the key of `sentAt`. */
  appliedAt: ReadonlyMap<string, number>;
  startedAt: number;
  postedAt: number;
}): void {
  const lastAt = [...appliedAt.values()].reduce((a, b) => Math.max(a, b), 0);
  const latencies = [...appliedAt]
    .map(([key, at]) => at - (sentAt.get(key) ?? Infinity))
    .sort((a, b) => a - b);
  const ms = (share: number) => `${quantile(latencies, share)} ms`;

  printTable(
    ["", ""],
    [
      ["POSTs answered with 202, repeats too", perSecond(accepted, postedAt - startedAt)],
      [
        "events projected, from the first POST to the last write to Neo4j",
        perSecond(appliedAt.size, lastAt - startedAt),
      ],
      ["from sending an event to its write to Neo4j, its wait in the queue included: p50", ms(0.5)],
      ["the same, p99", ms(0.99)],
    ],
  );
}

function perSecond(count: number, ms: number): string {
  return `${Math.round((count * 1_000) / ms)}/s`;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
