import neo4j, { type Driver, type ManagedTransaction } from "neo4j-driver";

/** The graph of some tenants as plain data, sorted: equal graphs give equal dumps. */
export type Dump = { nodes: DumpedNode[]; relationships: DumpedRelationship[] };

export type Properties = Record<string, string | number>;
export type DumpedNode = { labels: string[]; properties: Properties };
/** `from` and `to` are `Label tenant_id id`. */
export type DumpedRelationship = { type: string; from: string; to: string; properties: Properties };

/** The labels of all nodes, each with the property that names one. */
export const KEYS = {
  User: "user_id",
  Order: "order_id",
  Product: "product_id",
  Payment: "payment_id",
  Ticket: "ticket_id",
  Message: "message_id",
};

/** A driver whose whole numbers are numbers. Close it. */
export function graphDriver(
  server: { url: string; user: string; password: string } = {
    url: process.env["NEO4J_URL"]!,
    user: process.env["NEO4J_USER"]!,
    password: process.env["NEO4J_PASSWORD"]!,
  },
): Driver {
  const auth = neo4j.auth.basic(server.user, server.password);
  return neo4j.driver(server.url, auth, { disableLosslessIntegers: true, telemetryDisabled: true });
}

/** All that the projector keeps about these tenants, its own proofs aside. */
export async function dumpGraph(driver: Driver, tenants: readonly string[]): Promise<Dump> {
  const session = driver.session();
  try {
    // One transaction, and all is asked before the first answer.
    return await session.executeRead(async (tx) => {
      const parts = Object.entries(KEYS).map(([label, key]) => partOf(tx, { label, key, tenants }));
      const dumps = await Promise.all(parts);
      return sortedDump({
        nodes: dumps.flatMap(({ nodes }) => nodes),
        relationships: dumps.flatMap(({ relationships }) => relationships),
      });
    });
  } finally {
    await session.close();
  }
}

/** The nodes of one label, and the relationships that begin there. */
async function partOf(
  tx: ManagedTransaction,
  { label, key, tenants }: { label: string; key: string; tenants: readonly string[] },
): Promise<Dump> {
  // The key must not be null: then the index of its constraint answers.
  const those = `UNWIND $tenants AS tenant MATCH (n:${label} {tenant_id: tenant}) WHERE n.${key} IS NOT NULL`;
  const [nodes, relationships] = await Promise.all([
    tx.run<DumpedNode>(`${those} RETURN labels(n) AS labels, properties(n) AS properties`, {
      tenants,
    }),
    tx.run<Omit<DumpedRelationship, "from" | "to"> & Record<"from" | "to", [string[], Properties]>>(
      `${those} MATCH (n)-[r]->(m)
       RETURN type(r) AS type, properties(r) AS properties,
         [labels(n), properties(n)] AS from, [labels(m), properties(m)] AS to`,
      { tenants },
    ),
  ]);
  return {
    nodes: objects(nodes).map(({ labels, properties }) => ({ labels, properties })),
    relationships: objects(relationships).map(({ type, from, to, properties }) => ({
      type,
      from: nameOf(...from),
      to: nameOf(...to),
      properties,
    })),
  };
}

/** Brings an expectation to the order in which dumps are. */
export function sortedDump({ nodes, relationships }: Dump): Dump {
  return {
    nodes: nodes
      .map(({ labels, properties }) => ({
        labels: labels.toSorted(),
        properties: sortedKeys(properties),
      }))
      .sort(byText),
    relationships: relationships
      .map((each) => ({ ...each, properties: sortedKeys(each.properties) }))
      .sort(byText),
  };
}

function objects<T extends object>(result: { records: { toObject(): T }[] }): T[] {
  return result.records.map((record) => record.toObject());
}

function nameOf(labels: string[], properties: Properties): string {
  for (const [label, key] of Object.entries(KEYS)) {
    if (labels.includes(label)) {
      return `${label} ${properties["tenant_id"]} ${properties[key]}`;
    }
  }
  throw new Error(`the projector makes no node with labels ${labels.join(", ")}`);
}

function sortedKeys(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function byText(a: unknown, b: unknown): number {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
