import { afterAll, afterEach, expect, test } from "vitest";
import type { Received } from "../../lib/envelope/envelope.ts";
import { IdReusedError, OutageError, PermanentError } from "../../lib/pipeline/errors.ts";
import { neo4j as schema } from "../../functions/neo4j-projector/schema.ts";
import { neo4jProjector } from "../../functions/neo4j-projector/consumer.ts";
import { applyConstraints } from "../../infra/neo4j/constraints.ts";
import { dumpGraph, graphDriver } from "../shop/graph.ts";
import { NEVER, newTenant, received, removeTenants, server, worker } from "./neo4j.ts";

const driver = graphDriver();
const [first, second] = [worker(), worker()];
afterEach(() => driver.executeQuery("DROP CONSTRAINT test_email IF EXISTS"));
afterAll(async () => {
  await removeTenants(driver);
  await Promise.all([driver.close(), first.graph.close(), second.graph.close()]);
});

const views = (tenant_id: string, from: number, to: number): Received[] =>
  Array.from({ length: to - from }, (_, i) =>
    received(first.consumer, {
      tenant_id,
      id: `evt_${from + i}`,
      type: "interaction.viewed",
      data: { user_id: `u${(from + i) % 20}`, product_id: `p${(from + i) % 7}` },
    }),
  );

async function viewsOf(tenant_id: string): Promise<number> {
  const { records } = await driver.executeQuery(
    "MATCH (:User {tenant_id: $tenant_id})-[r:VIEWED]->() RETURN coalesce(sum(r.count), 0) AS views",
    { tenant_id },
  );
  return records[0]!.get("views") as number;
}

test("an event that comes again in another group, beside new ones, counts once", async () => {
  const tenant_id = newTenant();
  const events = views(tenant_id, 0, 300);

  for (const [from, to] of [
    [0, 100],
    [50, 250],
    [0, 300],
    [0, 300],
  ]) {
    expect(await first.consumer.apply(events.slice(from, to), NEVER)).toEqual([]);
  }

  expect(await viewsOf(tenant_id)).toBe(300);
});

test("two workers that get the same events in different groups at the same time count each once", async () => {
  const tenant_id = newTenant();
  const events = views(tenant_id, 0, 2_000);
  const deliver = async ({ consumer }: typeof first, some: Received[], size: number) => {
    for (let i = 0; i < some.length; i += size) {
      expect(await consumer.apply(some.slice(i, i + size), NEVER)).toEqual([]);
    }
  };

  await Promise.all([
    deliver(first, events, 400),
    deliver(second, events.toReversed(), 333),
    deliver(first, events, 270),
  ]);

  expect(await viewsOf(tenant_id)).toBe(2_000);
});

test("two workers that change the same fields at the same time leave the newest, never an older one", async () => {
  const tenant_id = newTenant();
  const rename = (round: number) =>
    Array.from({ length: 100 }, (_, i) =>
      received(first.consumer, {
        tenant_id,
        id: `evt_${round}_${i}`,
        type: "product.updated",
        data: { product_id: `p${i}`, changes: { name: `name ${round}` } },
        timestamp: `2026-11-20T10:00:${round}Z`,
      }),
    );
  const names = async () => {
    const { nodes } = await dumpGraph(driver, [tenant_id]);
    return new Set(nodes.map(({ properties }) => properties["name"]));
  };
  await first.consumer.apply(rename(10), NEVER);

  // Whoever is second was waiting for the first, which it must not overwrite with something older.
  for (let round = 11; round < 30; round += 2) {
    const [older, newer] = [rename(round), rename(round + 1)];
    await Promise.all([first.consumer.apply(newer, NEVER), second.consumer.apply(older, NEVER)]);
    expect(await names()).toEqual(new Set([`name ${round + 1}`]));
  }
});

test("another event under a used id is reported, and its neighbours are applied", async () => {
  const tenant_id = newTenant();
  const events = views(tenant_id, 0, 10);
  await first.consumer.apply(events.slice(0, 5), NEVER);
  const impostor = received(first.consumer, {
    tenant_id,
    id: "evt_3",
    type: "interaction.viewed",
    data: { user_id: "u3", product_id: "other" },
  });

  const failures = await first.consumer.apply([impostor, ...events.slice(4)], NEVER);

  expect(failures).toEqual([{ received: impostor, error: expect.any(IdReusedError) }]);
  expect(await viewsOf(tenant_id)).toBe(10);
});

test("one id in two tenants is two events", async () => {
  const [one, two] = [newTenant(), newTenant()];

  expect(await first.consumer.apply([...views(one, 0, 1), ...views(two, 0, 1)], NEVER)).toEqual([]);

  expect([await viewsOf(one), await viewsOf(two)]).toEqual([1, 1]);
});

test("data that the database refuses fails for good, and nothing of its group is applied", async () => {
  // The projector's own schema refuses nothing that passes the contract; an owner's constraint may.
  await driver.executeQuery(
    "CREATE CONSTRAINT test_email FOR (u:User) REQUIRE (u.tenant_id, u.email, u.phone) IS UNIQUE",
  );
  const tenant_id = newTenant();
  const customer = (customer_id: string) =>
    received(first.consumer, {
      tenant_id,
      id: `evt_${customer_id}`,
      type: "customer.created",
      data: { customer_id, email: "same@example.com", phone: "1" },
    });
  await first.consumer.apply([customer("u1")], NEVER);

  const refused = first.consumer.apply([...views(tenant_id, 0, 20), customer("u2")], NEVER);

  await expect(refused).rejects.toThrow(PermanentError);
  await expect(refused).rejects.not.toThrow("same@example.com");
  expect(await viewsOf(tenant_id)).toBe(0);
});

test("whole numbers are stored as integers", async () => {
  const tenant_id = newTenant();
  const order = received(first.consumer, {
    tenant_id,
    id: "evt_1",
    type: "order.created",
    data: {
      order_id: "o1",
      customer_id: "u1",
      items: [{ product_id: "p1", quantity: 2, price: "10.00" }],
      total: "90071992547409.91",
      currency: "UAH",
    },
  });
  await first.consumer.apply([order], NEVER);

  const { records } = await driver.executeQuery(
    `MATCH (o:Order {tenant_id: $tenant_id})-[c:CONTAINS]->()
     RETURN toString(o.total_minor) AS total, toString(c.quantity) AS quantity, toString(c.price_minor) AS price`,
    { tenant_id },
  );
  expect(records[0]!.toObject()).toEqual({
    total: "9007199254740991",
    quantity: "2",
    price: "1000",
  });
});

test("without a ledger an event older than the proofs live is refused, its neighbours applied", async () => {
  const tenant_id = newTenant();
  const now = () => Date.parse("2026-12-20T10:00:00.001Z");
  const consumer = neo4jProjector(first.graph, { ageMs: 30 * 86_400_000, now });
  const [old, young] = views(tenant_id, 0, 2) as [Received, Received];
  young.event.timestamp = "2026-11-20T10:00:00.001000Z";

  const failures = await consumer.apply([old, young], NEVER);

  expect(failures).toEqual([{ received: old, error: expect.any(PermanentError) }]);
  expect(await viewsOf(tenant_id)).toBe(1);
});

test("a missing constraint is named, and made by applying the constraints", async () => {
  await driver.executeQuery("DROP CONSTRAINT warren_order");
  try {
    await expect(first.graph.requireConstraints()).rejects.toThrow(
      new OutageError(
        "Neo4j lacks uniqueness constraints: Order (tenant_id, order_id). `warren graph create` makes them.",
      ),
    );
  } finally {
    await applyConstraints(server, schema.constraints);
  }
  await first.graph.requireConstraints();
});
