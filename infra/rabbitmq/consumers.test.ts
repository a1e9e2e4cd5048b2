import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readConsumers } from "./consumers.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "warren-consumers-"));
});
afterEach(() => rm(root, { recursive: true }));

async function project(serverless: string, consumers: Record<string, string> = {}) {
  await writeFile(join(root, "serverless.yml"), serverless);
  for (const [name, source] of Object.entries(consumers)) {
    await mkdir(join(root, "functions", name), { recursive: true });
    await writeFile(join(root, "functions", name, "consumer.ts"), source);
  }
}

test("finds each function with a rabbitmq trigger and what its consumer accepts", async () => {
  const serverless = `
service: warren
functions:
  ingest:
    handler: functions/ingest/handler.handler
    events:
      - httpApi: "*"
  graph:
    handler: functions/graph/handler.handler
    timeout: 60
    events:
      - rabbitmq: { queue: events.graph, batchSize: 500 }
  bare:
    handler: functions/bare/handler.handler
`;
  await project(serverless, { graph: `export const accepts = ["order.created", "order.paid"];` });

  expect(await readConsumers(root)).toEqual([
    { queue: "events.graph", accepts: ["order.created", "order.paid"] },
  ]);
});

test("names the function whose queue is not literal", async () => {
  const queue = "${self:custom.queue}";
  await project(
    `functions: { a: { handler: functions/a/handler.handler, events: [{ rabbitmq: { queue: "${queue}" } }] } }`,
    { a: `export const accepts = ["order.created"];` },
  );
  await expect(readConsumers(root)).rejects.toThrow(
    /serverless\.yml:.*a\.events\.rabbitmq\.queue: .*literal/s,
  );
});

test("names the consumer that says not what it accepts", async () => {
  await project(
    `functions: { a: { handler: functions/a/handler.handler, events: [{ rabbitmq: { queue: q } }] } }`,
    { a: `export const name = "a";` },
  );
  await expect(readConsumers(root)).rejects.toThrow(/functions\/a\/consumer\.ts: .*accepts/s);
});

test("a function whose folder was removed, but not its entry, is named", async () => {
  await project(`
service: warren
functions:
  graph:
    handler: functions/graph/handler.handler
    events:
      - rabbitmq: { queue: events.graph }
`);
  await expect(readConsumers(root)).rejects.toThrow(
    /serverless.yml: function graph needs the missing file .*functions\/graph\/consumer.ts/,
  );
});
