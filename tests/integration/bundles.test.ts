import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { isDeepStrictEqual } from "node:util";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { DeleteTableCommand } from "@aws-sdk/client-dynamodb";
import { contracts } from "../../events/catalogue.ts";
import { bundleFunction } from "../../infra/bundle/bundle.ts";
import { zipOf } from "../../infra/bundle/zip.ts";
import { ensureKeysTable, tableStore } from "../../infra/dynamodb/keys-table.ts";
import { createKey } from "../../infra/keys/key-store.ts";
import { readHandlers } from "../../lib/host/declaration.ts";
import { dynamoClient } from "../../lib/dynamo/client.ts";
import { applyTopology } from "../../lib/rabbit/apply-topology.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { type Unpacked, unpackedBundles } from "../unpacked.ts";
import { endpoint } from "./dynamo.ts";
import { batchOf, type LambdaProcess, lambdaProcess } from "./lambda-process.ts";
import { projectorVhost, type ProjectorVhost, QUEUE, viewed, views } from "./projector.ts";
import { drain } from "./rabbit-vhost.ts";
import { RETRY_DELAYS } from "./services.ts";

const ROOT = join(import.meta.dirname, "../..");
/** AWS's documentation, "Using Lambda with Amazon MQ". */
const awsSample: unknown = JSON.parse(
  readFileSync(join(ROOT, "lib/trigger/aws-sample-event.json"), "utf8"),
);
const KEYS_TABLE = `test-keys-${randomUUID()}`;

let bundles: Unpacked[];
let removeBundles: () => Promise<void>;
let vhost: ProjectorVhost;
let key: string;
const processes: LambdaProcess[] = [];

beforeAll(async () => {
  ({ bundles, remove: removeBundles } = await unpackedBundles());
  vhost = await projectorVhost();
  const consumers = [{ queue: "pizzaQueue", accepts: ["order.paid"] }];
  await withChannel({ url: vhost.url, name: "test" }, (channel) =>
    applyTopology(channel, topologyOf({ consumers, retryDelays: RETRY_DELAYS })),
  );
  const client = dynamoClient({ endpoint });
  await ensureKeysTable(client, KEYS_TABLE);
  key = await createKey(tableStore(client, KEYS_TABLE), "shop");
  client.destroy();
});
afterAll(async () => {
  const client = dynamoClient({ endpoint });
  await client.send(new DeleteTableCommand({ TableName: KEYS_TABLE }));
  client.destroy();
  await vhost.remove();
  await removeBundles();
});
afterEach(() => {
  for (const { process: child } of processes.splice(0)) child.kill("SIGKILL");
});

/** What docs and README name, as a deployment sets it; nothing else, not even PATH. */
function environment(): Record<string, string> {
  const { env } = process;
  return {
    API_KEYS_TABLE: KEYS_TABLE,
    AWS_ACCESS_KEY_ID: env["AWS_ACCESS_KEY_ID"]!,
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_LAMBDA_FUNCTION_NAME: "warren-test",
    AWS_REGION: env["AWS_REGION"]!,
    AWS_SECRET_ACCESS_KEY: env["AWS_SECRET_ACCESS_KEY"]!,
    DIRECTORY_TABLE: env["DIRECTORY_TABLE"]!,
    LEDGER_TABLE: env["LEDGER_TABLE"]!,
    MAIL_FROM: env["MAIL_FROM"]!,
    NEO4J_PASSWORD: env["NEO4J_PASSWORD"]!,
    NEO4J_URL: env["NEO4J_URL"]!,
    NEO4J_USER: env["NEO4J_USER"]!,
    PUSH_PRIVATE_KEY: env["PUSH_PRIVATE_KEY"]!,
    PUSH_PUBLIC_KEY: env["PUSH_PUBLIC_KEY"]!,
    PUSH_SUBJECT: env["PUSH_SUBJECT"]!,
    QDRANT_API_KEY: env["QDRANT_API_KEY"]!,
    QDRANT_URL: env["QDRANT_URL"]!,
    RABBITMQ_MANAGEMENT_URL: vhost.managementUrl,
    RABBITMQ_URL: vhost.url,
    RETRY_DELAYS: env["RETRY_DELAYS"]!,
    SMS_ACCOUNT: env["SMS_ACCOUNT"]!,
    SMS_FROM: env["SMS_FROM"]!,
    SMS_TOKEN: env["SMS_TOKEN"]!,
    SMTP_URL: env["SMTP_URL"]!,
    TELEGRAM_TOKEN: env["TELEGRAM_TOKEN"]!,
  };
}

function start(name: string): LambdaProcess {
  const bundle = bundles.find((one) => one.name === name);
  if (bundle === undefined) throw new Error(`serverless.yml has no function ${name}`);
  const started = lambdaProcess(bundle, environment());
  processes.push(started);
  return started;
}

/** After a stop nothing may keep the process alive: it is not told to exit. */
async function endsByItself(lambda: LambdaProcess): Promise<void> {
  const late = AbortSignal.timeout(10_000);
  const code = await Promise.race([
    lambda.stop(),
    once(late, "abort").then(() => "still running after 10 s"),
  ]);
  expect(code).toBe(0);
}

test("each function's bundle has the module that its handler string names, and exports the handler", async () => {
  expect(bundles.map(({ name, entry }) => [name, entry])).toEqual(
    expect.arrayContaining([
      ["ingest", "functions/ingest/handler.mjs"],
      ["neo4j-projector", "functions/neo4j-projector/handler.mjs"],
      ["neo4j-prune", "functions/neo4j-projector/prune.mjs"],
    ]),
  );
  /** `app`, `prepare`, `metrics` and `close` are the host's. */
  const known = ["handler", "app", "prepare", "metrics", "close"];
  for (const { name, exported } of bundles) {
    const { exports } = await start(name).loaded;
    expect({ name, exports }).toEqual({ name, exports: expect.arrayContaining([exported]) });
    expect({ name, unknown: exports.filter((one) => !known.includes(one)) }).toEqual({
      name,
      unknown: [],
    });
  }
});

test("ingest is at most 600 KB at its start, and every function 2 MB in all", () => {
  const sizes = Object.fromEntries(bundles.map((one) => [one.name, one]));
  expect(sizes["ingest"]?.loadedBytes).toBeLessThanOrEqual(600_000);
  for (const { name, totalBytes } of bundles) {
    expect({ name, tooLarge: totalBytes > 2_000_000 }).toEqual({ name, tooLarge: false });
  }
});

test("no function starts with the AWS SDK, or with another store's client than its own", () => {
  for (const { name, entry, folder } of bundles) {
    const text = readFileSync(join(folder, entry), "utf8");
    expect({ name, hasSdk: text.includes("DynamoDB_20120810") }).toEqual({ name, hasSdk: false });
  }
});

test("every bundle is imported in a moment", async () => {
  // 150 ms on an idle machine (`npm run bench -- cold`); here other work may take half of the time.
  for (const { name } of bundles) {
    let slow = true;
    for (let i = 0; slow && i < 10; i += 1) {
      const lambda = start(name);
      slow = (await lambda.loaded).importMs > 500;
      await endsByItself(lambda);
    }
    expect({ name, slow }).toEqual({ name, slow: false });
  }
});

test("the same sources give the same zips, whatever the time zone", async () => {
  const zone = process.env["TZ"];
  process.env["TZ"] = "Asia/Tokyo";
  try {
    for (const handler of (await readHandlers(ROOT)).slice(0, 2)) {
      const again = zipOf((await bundleFunction(handler, ROOT)).files);
      const before = bundles.find(({ name }) => name === handler.name)?.zip;
      expect({ name: handler.name, same: isDeepStrictEqual(again, before) }).toEqual({
        name: handler.name,
        same: true,
      });
    }
  } finally {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  }
});

test("neo4j-projector puts AWS's sample event with the dead letters, applies an event, and ends", async () => {
  const lambda = start("neo4j-projector");
  expect(await lambda.invoke(awsSample)).toEqual({ ms: expect.any(Number) });
  const [dead] = await drain(vhost.url, "dead.pizzaQueue");
  expect(dead?.properties.headers).toMatchObject({ "warren-reason": "unreadable event" });

  const tenant = `t-${randomUUID()}`;
  const event = viewed(tenant, "u");
  expect(await lambda.invoke(batchOf(QUEUE, [event, event]))).toEqual({ ms: expect.any(Number) });
  expect(await views(tenant)).toEqual({ u: 1 });
  await endsByItself(lambda);
});

test("ingest takes an event from an API Gateway by a key of its table, and ends", async () => {
  const lambda = start("ingest");
  const { result } = await lambda.invoke(apiEvent(key));
  expect(result).toMatchObject({ statusCode: 202 });
  const { type } = contracts[0];
  const { id } = JSON.parse((result as { body: string }).body) as { id: string };
  const queues = [QUEUE, "pizzaQueue", "events.unconsumed"];
  const stored = (await Promise.all(queues.map((queue) => drain(vhost.url, queue)))).flat();
  expect(stored.map(({ properties }) => [properties.type, properties.messageId])).toEqual([
    [type, id],
  ]);
  expect(await lambda.invoke(apiEvent("wk_nobody"))).toMatchObject({ result: { statusCode: 401 } });
  await endsByItself(lambda);
});

test("recommend answers an API Gateway by a key of that table, and ends", async () => {
  const lambda = start("recommend");
  const ask = (path: string, apiKey: string) => lambda.invoke(apiEvent(apiKey, `GET ${path}`));
  const { result } = await ask("/recommendations/nobody", key);
  expect(result).toMatchObject({ statusCode: 200 });
  expect(JSON.parse((result as { body: string }).body)).toMatchObject({ recommendations: [] });
  expect(await ask("/search", "wk_nobody")).toMatchObject({ result: { statusCode: 401 } });
  await endsByItself(lambda);
});

test("setup answers CloudFormation, and ends", async () => {
  const answers: unknown[] = [];
  const server = createServer((incoming, response) => {
    void json(incoming).then((body) => {
      answers.push(body);
      response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const lambda = start("setup");
  expect(
    await lambda.invoke({
      RequestType: "Delete",
      ResponseURL: `http://127.0.0.1:${port}/`,
      StackId: "stack",
      RequestId: "1",
      LogicalResourceId: "Setup",
      ResourceProperties: {},
    }),
  ).toEqual({ ms: expect.any(Number) });
  expect(answers).toMatchObject([{ Status: "SUCCESS" }]);
  await endsByItself(lambda);
  server.close();
});

test.each(["neo4j-prune", "queue-metrics"])("%s runs on its schedule, and ends", async (name) => {
  const lambda = start(name);
  expect(await lambda.invoke(scheduled)).toEqual({ ms: expect.any(Number) });
  await endsByItself(lambda);
});

/** As EventBridge sends it. */
const scheduled = {
  version: "0",
  id: "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
  "detail-type": "Scheduled Event",
  source: "aws.events",
  account: "123456789012",
  time: "2026-11-21T06:00:00Z",
  region: "eu-central-1",
  resources: ["arn:aws:events:eu-central-1:123456789012:rule/warren"],
  detail: {},
};

/** Payload format 2.0 of an HTTP API. */
function apiEvent(apiKey: string, routeKey = "POST /events"): object {
  const { type, sample: data } = contracts[0];
  const [method, path] = routeKey.split(" ");
  return {
    version: "2.0",
    routeKey,
    rawPath: path,
    rawQueryString: "",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    requestContext: {
      accountId: "123456789012",
      apiId: "api",
      domainName: "api.execute-api.eu-central-1.amazonaws.com",
      http: {
        method,
        path,
        protocol: "HTTP/1.1",
        sourceIp: "192.0.2.1",
        userAgent: "test",
      },
      requestId: "1",
      routeKey,
      stage: "$default",
      time: "21/Nov/2026:06:00:00 +0000",
      timeEpoch: 1_795_240_800_000,
    },
    ...(method === "POST" && { body: JSON.stringify({ type, data }) }),
    isBase64Encoded: false,
  };
}
