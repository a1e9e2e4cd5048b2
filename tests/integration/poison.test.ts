import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { deliveryHeaders } from "../../lib/trigger/event.ts";
import { type Folder, hostFolder } from "./host-process.ts";
import { newTenant } from "./neo4j.ts";
import {
  cypher,
  DEAD,
  projectorVhost,
  type ProjectorVhost,
  QUEUE,
  viewed,
  views,
} from "./projector.ts";
import { drain, until } from "./rabbit-vhost.ts";
import { LEDGER } from "./services.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const SERVERLESS = `
service: test
functions:
  neo4j-projector:
    handler: handler.handler
    timeout: 30
    events:
      - rabbitmq: { queue: ${QUEUE}, batchSize: 1000, maximumBatchingWindow: 1 }
`;

/** The real projector, but for an event that ends its process: no real event does. */
const HANDLER = `
  import { config } from "${ROOT}functions/neo4j-projector/config.ts";
  import { neo4jProjector } from "${ROOT}functions/neo4j-projector/consumer.ts";
  import { neo4jGraph } from "${ROOT}functions/neo4j-projector/graph.ts";
  import { openNeo4j } from "${ROOT}kit/neo4j/neo4j.ts";
  import { readConfig } from "${ROOT}lib/config.ts";
  import { consumerHandler } from "${ROOT}lib/runtime/consumer-handler.ts";

  const settings = readConfig(config, process.env);
  const { NEO4J_URL: url, NEO4J_USER: user, NEO4J_PASSWORD: password } = settings;
  const graph = neo4jGraph({ neo4j: openNeo4j({ url, user, password }), now: Date.now });
  const projector = neo4jProjector(graph);

  export const { handler, prepare, metrics, close } = consumerHandler({
    consumer: {
      ...projector,
      async apply(events, signal) {
        if (events.some(({ event }) => event.data.user_id === "killer")) {
          record({ killed: events.length });
          process.kill(process.pid, "SIGKILL");
          await new Promise(() => {});
        }
        if (events.some(({ event }) => event.data.user_id === "failing")) {
          record({ failedAt: Date.now() });
          throw new Error("always, for no known reason");
        }
        return projector.apply(events, signal);
      },
    },
    config: settings,
    requireSink: () => graph.requireConstraints(),
    closeSink: () => graph.close(),
  });
`;

let vhost: ProjectorVhost;
let folder: Folder;
const constraint = `test_${randomUUID().replaceAll("-", "")}`;

beforeEach(async () => {
  vhost = await projectorVhost();
  folder = await hostFolder(SERVERLESS, { handler: HANDLER });
});
afterEach(async () => {
  await folder.remove();
  await vhost.remove();
  await cypher(`DROP CONSTRAINT ${constraint} IF EXISTS`);
});

test("what poisons a batch of 100 ends alone in the dead letters, all neighbours are applied once", async ({
  skip,
}) => {
  skip(LEDGER === "none", "without a ledger crashes are not counted");
  const tenant = newTenant();
  // An operator's own constraint: the database refuses a second product of that name, for good.
  await cypher(
    `CREATE CONSTRAINT ${constraint} FOR (p:Product) REQUIRE (p.tenant_id, p.name) IS UNIQUE`,
  );
  await cypher("CREATE (:Product {tenant_id: $tenant, product_id: 'first', name: 'taken'})", {
    tenant,
  });

  const neighbours = Array.from({ length: 96 }, (_, index) => viewed(tenant, `u${index}`));
  const refused = viewed(tenant, "-", {
    type: "product.created",
    data: { product_id: "second", name: "taken", price: "1.00", currency: "EUR" },
  });
  const noEvent = viewed(tenant, "-", { data: { user_id: "u" } });
  const killer = viewed(tenant, "killer");
  const batch: (object | string)[] = [...neighbours];
  batch.splice(10, 0, "{ this is not JSON");
  batch.splice(30, 0, noEvent);
  batch.splice(50, 0, refused);
  batch.splice(70, 0, killer);
  await vhost.publish(batch);

  const started = Date.now();
  const host = folder.start([], { ...functionEnvironment(), RABBITMQ_URL: vhost.url });
  await until("four are dead", async () => (await vhost.depth(DEAD)) === 4, 90_000);
  const applied = async () => Object.keys(await views(tenant)).length === neighbours.length;
  await until("all neighbours are applied", applied, 60_000);

  expect(await views(tenant)).toEqual(
    Object.fromEntries(neighbours.map((_, index) => [`u${index}`, 1])),
  );
  const letters = (await drain(vhost.url, DEAD)).map(({ content, properties: { headers } }) => ({
    id: /evt-[0-9a-f-]+/.exec(content.toString())?.[0],
    reason: headers?.["warren-reason"] as string,
    error: headers?.["warren-error"] as string,
    attempt: deliveryHeaders(headers).attempt,
    deadAt: headers?.["warren-dead-at"] as number,
    firstFailedAt: headers?.["warren-first-failed-at"] as number,
  }));
  const of = (id: string | undefined) => letters.find((letter) => letter.id === id);

  expect(of(undefined)).toMatchObject({
    reason: "unreadable event",
    error: expect.stringContaining("JSON"),
  });
  expect(of(noEvent.id)).toMatchObject({
    reason: "unreadable event",
    error: expect.stringContaining("data.product_id"),
  });
  expect(of(refused.id)).toMatchObject({
    reason: "refused",
    error: expect.stringContaining("ConstraintValidationFailed"),
  });
  expect(of(killer.id)).toMatchObject({ reason: "crashes its consumer", attempt: 1 });
  for (const { attempt, deadAt, firstFailedAt } of letters) {
    expect(attempt).toBe(1);
    expect(deadAt).toBeGreaterThan(started);
    expect(firstFailedAt).toBeGreaterThan(started);
  }
  // Once in the group, once in a shared group, then three times alone.
  const [together, few, ...alone] = (await folder.records()).map(({ killed }) => killed);
  expect(together).toBeGreaterThan(50);
  expect(few).toBe(32);
  expect(alone).toEqual([1, 1, 1]);
  expect(host.process.exitCode).toBeNull();
});

test.runIf(inject("long") && LEDGER !== "none")(
  "two messages that end their process, hidden in 1,000: dead alone within a minute, all neighbours once",
  async () => {
    const tenant = newTenant();
    const neighbours = Array.from({ length: 998 }, (_, index) => viewed(tenant, `u${index}`));
    const killers = [viewed(tenant, "killer"), viewed(tenant, "killer")];
    await vhost.publish(neighbours.toSpliced(300, 0, killers[0]!).toSpliced(800, 0, killers[1]!));

    const host = folder.start([], { ...functionEnvironment(), RABBITMQ_URL: vhost.url });
    const isOver = async () =>
      (await vhost.depth(DEAD)) === 2 && Object.keys(await views(tenant)).length === 998;
    await until("both are dead and all others are applied", isOver, 60_000);

    expect(Object.values(await views(tenant)).every((count) => count === 1)).toBe(true);
    const letters = await drain(vhost.url, DEAD);
    expect(
      letters.map(({ content }) => JSON.parse(content.toString()).id as string).sort(),
    ).toEqual(killers.map(({ id }) => id).sort());
    expect(letters.map(({ properties: { headers } }) => headers?.["warren-reason"])).toEqual([
      "crashes its consumer",
      "crashes its consumer",
    ]);
    expect(host.process.exitCode).toBeNull();
  },
);

test("a failing message goes through every retry tier with its delay, and then dies", async () => {
  const failing = viewed(newTenant(), "failing");
  await vhost.publish([failing]);
  const host = folder.start([], { ...functionEnvironment(), RABBITMQ_URL: vhost.url });
  await until("it is dead", async () => (await vhost.depth(DEAD)) === 1, 60_000);

  const times = (await folder.records()).map(({ failedAt }) => failedAt as number);
  const pauses = times.slice(1).map((time, index) => time - times[index]!);
  expect(pauses).toHaveLength(3);
  // Delays are shortened by up to a tenth, and a batch waits out its window of 1 s.
  for (const [index, delay] of [200, 1_000, 3_000].entries()) {
    expect(pauses[index]).toBeGreaterThanOrEqual(0.9 * delay);
    expect(pauses[index]).toBeLessThan(delay + 5_000);
  }
  const [letter] = await drain(vhost.url, DEAD);
  expect(deliveryHeaders(letter!.properties.headers).attempt).toBe(4);
  expect(letter!.properties.headers).toMatchObject({
    "warren-reason": "out of attempts",
    "warren-error": "Error: always, for no known reason",
  });
  expect(host.process.exitCode).toBeNull();
});

function functionEnvironment(): Record<string, string> {
  const names = [
    "NEO4J_URL",
    "NEO4J_USER",
    "NEO4J_PASSWORD",
    "LEDGER",
    "LEDGER_TABLE",
    "REDIS_URL",
    "RETRY_DELAYS",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
  ];
  return Object.fromEntries(names.map((name) => [name, process.env[name]!]));
}
