import { join } from "node:path";
import * as z from "zod";
import { machineOf } from "../../bench/report.ts";
import { ROOT } from "../../infra/rabbitmq/consumers.ts";
import { management } from "../../lib/rabbit/management.ts";
import { environment } from "../integration/lane.ts";
import { KILLED_TIMEOUT_S, type Row } from "./measure.ts";
import { scenarios } from "./scenarios.ts";
import { detailsOf, sinksOf, tableOf } from "./tables.ts";

export const DOCUMENT = join(ROOT, "docs/guarantees.md");

const LEDGERS: Readonly<Record<string, string>> = { dynamodb: "DynamoDB Local", redis: "Redis" };

/** docs/guarantees.md, as this run saw it. */
export async function documentOf(rows: readonly Row[], seconds: number): Promise<string> {
  const day = new Date().toISOString().slice(0, 10);
  const ledger = LEDGERS[String(environment["LEDGER"])];
  const machine = [...machineOf([]), await brokerVersion(), `the ledger in ${ledger}`].join("; ");
  return `# What is guaranteed, as it was seen

<!-- Written by \`npm run guarantees\`: do not edit. -->

\`npm run guarantees\` wrote this page on ${day}, after ${seconds} s of playing. It (tests/guarantees) drives every function of serverless.yml that has a
queue, each in a host of its own on real services, through the same list of mishaps, and counts in each sink how often each event had its effect
once everything had come to rest and the host had stopped. It exits with 1, and writes nothing, unless every promise was kept.

${tableOf(rows)}

${machine}.

- \`once\`: every event has one effect, and nothing is uncertain. Where no work was interrupted all functions keep this.
- \`once, or uncertain and sent again\`: every event has an effect, and each one beyond the first was reported as uncertain, by the event's id.
- \`once, or uncertain and kept\`: no event has two; of one that may have none nobody knows, it was reported, and is a dead letter.

"dead" are dead letters: each was due, and each that was due is there.

## How each column is seen

${scenarios.map(({ title, how }) => `- **${title}.** ${how}`).join("\n")}

Workers are processes, ended by SIGKILL and started again by their supervisor. A claim holds for the function's time-out and 30 s; where
workers are killed the time-out is ${KILLED_TIMEOUT_S} s.

## Why

${sinksOf(rows)}

## What was seen

"effects": the fewest and the most times that an event had its effect. "left": messages in other queues than the dead letters. "interruptions":
batches that were handed back and workers that died; only where there were any may an effect be uncertain or a dead letter be stored twice.

${rows.map(detailsOf).join("\n\n")}

## A mistake turns it red

\`npm run guarantees -- --fault complete-before-apply\` plays the same on a Warren in which that mistake is made (tests/guarantees/faults.ts has it and
others), shows which promises it breaks, and exits with 1. \`npm test\` does so with one function.
`;
}

async function brokerVersion(): Promise<string> {
  const { RABBITMQ_URL: url, RABBITMQ_MANAGEMENT_URL: managementUrl } = environment;
  const overview = z.object({ rabbitmq_version: z.string() });
  const api = management({ url: url!, managementUrl: managementUrl! });
  return `RabbitMQ ${(await api.get("overview", overview)).rabbitmq_version}`;
}
