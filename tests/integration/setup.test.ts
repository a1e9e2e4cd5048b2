import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import neo4j from "neo4j-driver";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { environment } from "./lane.ts";
import { handler } from "../../infra/aws/setup/handler.ts";
import { neo4j as schema } from "../../functions/neo4j-projector/schema.ts";
import { qdrant } from "../../functions/qdrant-projector/schema.ts";
import { requireConstraints } from "../../infra/neo4j/constraints.ts";
import { differences, readLive } from "../../infra/rabbitmq/live.ts";
import { management } from "../../lib/rabbit/management.ts";
import { topologyOf } from "../../lib/rabbit/topology.ts";
import { server as graph } from "./neo4j.ts";
const managementUrl = environment["RABBITMQ_MANAGEMENT_URL"]!;
const vhost = `test-setup-${randomUUID()}`;
const broker = new URL(environment["RABBITMQ_URL"]!);
broker.pathname = `/${vhost}`;
const url = broker.href;

/** May log in, and has no vhost. */
const stranger = { name: `test-${randomUUID()}`, password: randomUUID() };

const consumer = { queue: "events.graph", accepts: ["order.created", "order.paid"] };
const { constraints } = schema;
const properties = {
  ServiceToken: "arn",
  Consumers: [consumer],
  RetryDelays: "5s,30s",
  Constraints: constraints,
  Collections: qdrant.collections,
};
const topology = topologyOf({ consumers: [consumer], retryDelays: [5_000, 30_000] });

/** CloudFormation's side: what was put to the presigned URL. */
type Answer = { Status: string; Reason?: string; PhysicalResourceId: string };
const answers: Answer[] = [];
const headers: unknown[] = [];
/** Codes for the next answers; then 200. */
const refusals: number[] = [];

const s3 = createServer((request, response) => {
  let text = "";
  request.on("data", (chunk) => (text += chunk));
  request.on("end", () => {
    const code = refusals.shift() ?? 200;
    if (code === 200) {
      answers.push(JSON.parse(text));
      headers.push([request.method, request.headers["content-type"]]);
    }
    response.writeHead(code).end();
  });
});

beforeAll(async () => {
  s3.listen(0, "127.0.0.1");
  await once(s3, "listening");
  vi.stubEnv("RABBITMQ_URL", url);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.stubEnv("RABBITMQ_URL", url);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await remove(`vhosts/${vhost}`);
  await remove(`users/${stranger.name}`);
  s3.close();
});

async function remove(path: string): Promise<void> {
  const { username, password } = broker;
  const answer = await fetch(`${managementUrl}/api/${path}`, {
    method: "DELETE",
    headers: { authorization: `Basic ${btoa(`${username}:${decodeURIComponent(password)}`)}` },
    signal: AbortSignal.timeout(20_000),
  });
  expect(answer.ok).toBe(true);
}

async function ask(
  RequestType: "Create" | "Update" | "Delete",
  ResourceProperties: unknown = properties,
  remainingMs = 60_000,
): Promise<Answer> {
  const event = {
    RequestType,
    ResponseURL: `http://127.0.0.1:${(s3.address() as AddressInfo).port}/bucket/key?signature=s`,
    StackId: "stack-1",
    RequestId: randomUUID(),
    LogicalResourceId: "Setup",
    ResourceProperties,
  };
  const deadline = performance.now() + remainingMs;
  await handler(event, {
    functionName: "setup",
    awsRequestId: "1",
    getRemainingTimeInMillis: () => deadline - performance.now(),
  });
  const told = answers.at(-1);
  expect(told).toMatchObject({
    StackId: "stack-1",
    RequestId: event.RequestId,
    LogicalResourceId: "Setup",
    PhysicalResourceId: "Setup",
  });
  return told!;
}

test("makes the vhost, the topology and the constraints, and says so", async () => {
  const driver = neo4j.driver(graph.url, neo4j.auth.basic(graph.user, graph.password));
  await driver.executeQuery("DROP CONSTRAINT warren_order IF EXISTS");
  await driver.close();
  await expect(requireConstraints(graph, constraints)).rejects.toThrow(
    "Order (tenant_id, order_id)",
  );

  expect(await ask("Create")).toMatchObject({ Status: "SUCCESS" });
  expect(headers.at(-1)).toEqual(["PUT", ""]);
  expect(differences(topology, await readLive({ url, managementUrl }))).toEqual([]);
  await requireConstraints(graph, constraints);
});

test("an update adds what is new and unbinds what is no longer accepted", async () => {
  const consumers = [
    { queue: "events.graph", accepts: ["order.created"] },
    { queue: "events.mail", accepts: ["order.paid"] },
  ];
  expect(await ask("Update", { ...properties, Consumers: consumers })).toMatchObject({
    Status: "SUCCESS",
  });
  const wanted = topologyOf({ consumers, retryDelays: [5_000, 30_000] });
  expect(differences(wanted, await readLive({ url, managementUrl }))).toEqual([]);
});

test("a delete succeeds at once and deletes nothing", async () => {
  const before = await readLive({ url, managementUrl });
  vi.stubEnv("RABBITMQ_URL", "");
  expect(await ask("Delete")).toMatchObject({ Status: "SUCCESS" });
  expect(await readLive({ url, managementUrl })).toEqual(before);
});

test("a broker that is down fails the stack in time, with the reason", async () => {
  vi.stubEnv("RABBITMQ_MANAGEMENT_URL", "http://127.0.0.1:1");
  const started = performance.now();
  const told = await ask("Create", properties, 26_000);
  expect(performance.now() - started).toBeLessThan(26_000);
  expect(told).toMatchObject({
    Status: "FAILED",
    Reason: "the management API at http://127.0.0.1:1 cannot be reached when asked for vhosts",
  });
});

test("a topology that cannot be applied in place fails the stack with what to do", async () => {
  const told = await ask("Update", {
    ...properties,
    RetryDelays: "5s,30s",
    Consumers: [{ queue: "events.graph.retry.5s", accepts: ["order.created"] }],
  });
  expect(told.Status).toBe("FAILED");
  expect(told.Reason).toContain("queue events.graph.retry.5s exists with other arguments");
});

test("a graph that refuses the login fails the stack; the password is not told", async () => {
  vi.stubEnv("NEO4J_PASSWORD", "wrong-secret");
  const told = await ask("Create");
  expect(told.Status).toBe("FAILED");
  expect(told.Reason).toContain("authentication failure");
  expect(JSON.stringify(told)).not.toContain("wrong-secret");
});

test("a wrong environment or property is the reason, too", async () => {
  expect((await ask("Create", { ...properties, RetryDelays: "soon" })).Reason).toContain(
    "must be a duration",
  );
  vi.stubEnv("NEO4J_URL", "");
  expect((await ask("Create")).Reason).toBe("Bad configuration:\n  NEO4J_URL: is required");
});

test("a user who may not make the vhost fails the stack with who could", async () => {
  const { name: username, password } = stranger;
  const { put } = management({ url, managementUrl });
  await put(`users/${username}`, { password, tags: "management" });
  const theirs = new URL(url);
  Object.assign(theirs, { username, password });
  vi.stubEnv("RABBITMQ_URL", theirs.href);

  const remaining = 21_500;
  expect((await ask("Create", properties, remaining)).Reason).toMatch(
    /^vhost test-setup-\S+ cannot be created: the management API answers 401 .* Give the broker's user the tag administrator/,
  );
});

test("work that does not end in time is given up, and told", async () => {
  // Accepts connections and says nothing.
  const silent = createServer(() => {});
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  vi.stubEnv(
    "RABBITMQ_MANAGEMENT_URL",
    `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
  );
  const told = await ask("Create", properties, 21_000);
  expect(told).toMatchObject({
    Status: "FAILED",
    Reason: expect.stringMatching(
      /^preparing broker, graph and vectors took longer than 9\d\d ms$/,
    ),
  });
  silent.closeAllConnections();
  silent.close();
});

test("an answer that is refused is given again", async () => {
  refusals.push(503, 500);
  expect(await ask("Delete")).toMatchObject({ Status: "SUCCESS" });
  refusals.push(403, 403, 403);
  await expect(ask("Delete")).rejects.toThrow("CloudFormation refused the answer: 403");
});
