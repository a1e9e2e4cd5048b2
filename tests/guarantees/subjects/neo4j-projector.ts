import { randomUUID } from "node:crypto";
import neo4j from "neo4j-driver";
import { environment } from "../../integration/lane.ts";
import { tcpProxy } from "../../integration/tcp-proxy.ts";
import { type History, idOf, produced, sinkWire, type Stage, type Subject } from "../subject.ts";

export const neo4jProjector: Subject = {
  name: "neo4j-projector",
  sink: "Neo4j",
  proof: "a uniquely constrained record of the event in the same transaction; a stamp per field",
  vow: "once",
  open,
};

async function open(): Promise<Stage> {
  const { NEO4J_URL: url, NEO4J_USER: user, NEO4J_PASSWORD: password } = environment;
  const { hostname, port } = new URL(url!);
  const proxy = await tcpProxy({ host: hostname, port: Number(port || 7687) });
  const driver = neo4j.driver(url!, neo4j.auth.basic(user!, password!), {
    disableLosslessIntegers: true,
  });
  const constraint = `guarantee_${randomUUID().replaceAll("-", "")}`;

  async function rows(text: string, parameters: object = {}): Promise<Record<string, unknown>[]> {
    const { records } = await driver.executeQuery(text, parameters);
    return records.map((record) => record.toObject());
  }

  return {
    environment: { NEO4J_URL: `bolt://127.0.0.1:${proxy.port}` },
    wire: sinkWire(
      proxy,
      (request, tenant) => request.includes("CREATE (:AppliedEvent") && request.includes(tenant),
    ),
    // Each by another user, so that each has a separate effect.
    events: async (tenant, count) =>
      Array.from({ length: count }, (_, n) => {
        const id = idOf(tenant, n);
        return produced(tenant, id, "interaction.viewed", { user_id: id, product_id: "p" });
      }),
    async effects(tenant) {
      const found = await rows(
        "MATCH (u:User {tenant_id: $tenant})-[r:VIEWED]->() RETURN u.user_id AS id, r.count AS count",
        { tenant },
      );
      return new Map(found.map(({ id, count }) => [id as string, count as number]));
    },
    async refused(tenant) {
      // A constraint added by the operator: the database refuses a second product of that name for good.
      await rows(
        `CREATE CONSTRAINT ${constraint} FOR (p:Product) REQUIRE (p.tenant_id, p.name) IS UNIQUE`,
      );
      await rows("CREATE (:Product {tenant_id: $tenant, product_id: 'first', name: 'taken'})", {
        tenant,
      });
      const product = { product_id: "second", name: "taken", price: "1.00", currency: "EUR" };
      const event = produced(tenant, `${tenant}-refused`, "product.created", product);
      return { event, reason: "refused" };
    },
    history: history(rows),
    async version() {
      const [found] = await rows("CALL dbms.components() YIELD versions RETURN versions[0] AS v");
      return `Neo4j ${String(found?.["v"])}`;
    },
    async close() {
      await rows(`DROP CONSTRAINT ${constraint} IF EXISTS`);
      await driver.close();
      await proxy.close();
    },
  };
}

/** A product that is created, changed, deleted and mentioned again, and viewed three times. */
function history(
  rows: (text: string, parameters: object) => Promise<Record<string, unknown>[]>,
): History {
  return {
    events(tenant, entity) {
      const product_id = entity;
      const view = { user_id: entity, product_id };
      // Names of products are unique: see `refused`.
      const name = (which: string) => `${which} ${entity}`;
      const told: [string, Record<string, unknown>][] = [
        ["product.created", { product_id, name: name("chair"), price: "10.00", currency: "EUR" }],
        ["interaction.viewed", { ...view, user_session: "first" }],
        ["product.updated", { product_id, changes: { name: name("stool"), category: "seats" } }],
        ["product.updated", { product_id, changes: { price: "12.00", currency: "EUR" } }],
        ["interaction.viewed", { ...view, user_session: "second" }],
        ["product.deleted", { product_id }],
        ["product.updated", { product_id, changes: { description: "oak" } }],
        ["interaction.viewed", { ...view, user_session: "third" }],
      ];
      return told.map(([type, data], second) =>
        produced(
          tenant,
          `${tenant}-${entity}-${second}`,
          type,
          data,
          `2026-11-20T10:00:0${second}Z`,
        ),
      );
    },
    async state(tenant, entity) {
      const [found] = await rows(
        `MATCH (p:Product {tenant_id: $tenant, product_id: $entity})
         OPTIONAL MATCH (:User {tenant_id: $tenant, user_id: $entity})-[r:VIEWED]->(p)
         RETURN p {.name, .category, .price_minor, .description, .deleted_at} AS product,
                r {.count, .first_at, .last_at, .last_session} AS viewed`,
        { tenant, entity },
      );
      return found;
    },
    expected: {
      product: {
        name: null,
        category: null,
        price_minor: null,
        description: "oak",
        deleted_at: null,
      },
      viewed: {
        count: 3,
        first_at: "2026-11-20T10:00:01.000000Z",
        last_at: "2026-11-20T10:00:07.000000Z",
        last_session: "third",
      },
    },
  };
}
