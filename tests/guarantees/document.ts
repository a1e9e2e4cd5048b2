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

/** The text of docs/guarantees.md after this run. */
export async function documentOf(rows: readonly Row[], seconds: number): Promise<string> {
  const day = new Date().toISOString().slice(0, 10);
  const ledger = LEDGERS[String(environment["LEDGER"])];
  const machine = [...machineOf([]), await brokerVersion(), `the ledger in ${ledger}`].join("; ");
  return `# What is guaranteed?

<!-- Written by \`npm run guarantees\`: do not edit. -->

\`npm run guarantees\` wrote this page on ${day}, after ${seconds} s. It (tests/guarantees) plays the same
mishaps on every function of serverless.yml that has a queue, each in a separate host on real
services. Once everything is at rest and the host has stopped, it counts in each sink how often each
event had its effect. If a promise is broken, it exits with 1 and writes nothing.

${tableOf(rows)}

${machine}.

| promise | meaning |
|---|---|
| \`once\` | every event has one effect, and nothing is uncertain. All functions keep this while no work is interrupted |
| \`once, or uncertain and sent again\` | every event has an effect, and each further one was reported as uncertain, by the event's id |
| \`once, or uncertain and kept\` | no event has two effects; an event that may have none was reported as uncertain and is a dead letter |

"dead" counts the dead letters: exactly those that were expected.

## How is each mishap played?

${scenarios.map(({ title, how }) => `- **${title}.** ${how}`).join("\n")}

Workers are processes. SIGKILL ends them, and their supervisor restarts them. A claim is valid for the
function's time-out plus 30 s; in scenarios that kill workers the time-out is ${KILLED_TIMEOUT_S} s.

## What keeps an effect single?

${sinksOf(rows)}

## What was seen in each run?

| column | meaning |
|---|---|
| effects | the fewest and the most times that an event had its effect |
| left | messages in other queues than the dead letters |
| seen: interruptions | batches that were handed back, and workers that died. Only with interruptions may an effect be uncertain or a dead letter be stored twice |

${rows.map(detailsOf).join("\n\n")}

## Does it notice a mistake?

\`npm run guarantees -- --fault complete-before-apply\` plays the same on a Warren with that mistake
(tests/guarantees/faults.ts has it and others), shows which promises it breaks, and exits with 1.
\`npm test\` does this with one function.
`;
}

async function brokerVersion(): Promise<string> {
  const { RABBITMQ_URL: url, RABBITMQ_MANAGEMENT_URL: managementUrl } = environment;
  const overview = z.object({ rabbitmq_version: z.string() });
  const api = management({ url: url!, managementUrl: managementUrl! });
  return `RabbitMQ ${(await api.get("overview", overview)).rabbitmq_version}`;
}
