import { openNeo4j, type Server } from "../../kit/neo4j/neo4j.ts";

/** Purchases in the graph of functions/neo4j-projector. */
export type Purchases = {
  /** Rejects when the graph does not answer in time. */
  of(tenant: string, user: string, signal: AbortSignal): Promise<Bought>;
  close(): Promise<void>;
};

export type Bought = {
  /** The latest purchases. Products of orders count, in any status of the order. */
  bought: string[];
  /** What buyers of the same products also bought, the most frequent first. */
  together: Beside[];
};

/** `confidence`: the share of these buyers that bought it, lower if there are few buyers. */
type Beside = { id: string; confidence: number };

const BOUGHT = `
  MATCH (u:User {tenant_id: $tenant, user_id: $user})
  CALL { WITH u MATCH (u)-[b:PURCHASED]->(p:Product) RETURN p, b.last_at AS at
         UNION WITH u MATCH (u)-[:PLACED]->(o:Order)-[:CONTAINS]->(p:Product) RETURN p, o.created_stamp AS at }
  WITH p.product_id AS product_id, max(at) AS at
  RETURN product_id ORDER BY at DESC, product_id LIMIT 1000`;

/**
 * A buyer counts once for each shared purchase. Each step is bounded: of a product with many buyers only
 * some are read, because one question must not read the whole graph.
 */
const TOGETHER = `
  MATCH (u:User {tenant_id: $tenant, user_id: $user})-[b:PURCHASED]->(p:Product)
  WITH u, p ORDER BY b.last_at DESC, p.product_id LIMIT 20
  CALL { WITH u, p MATCH (p)<-[:PURCHASED]-(other:User) WHERE other <> u RETURN other LIMIT 200 }
  WITH other, count(*) AS shared ORDER BY shared DESC, other.user_id LIMIT 100
  WITH collect({user: other, shared: shared}) AS others, sum(shared) AS total
  UNWIND others AS one
  WITH total, one.user AS other, one.shared AS shared
  CALL { WITH other MATCH (other)-[o:PURCHASED]->(p:Product) WHERE p.deleted_at IS NULL
         RETURN p.product_id AS product_id ORDER BY o.last_at DESC, product_id LIMIT 50 }
  WITH product_id, total, sum(shared) AS weight
  RETURN product_id, weight / (total + $doubt) AS confidence ORDER BY confidence DESC, product_id LIMIT 200`;

/**
 * The share is computed as if this many more buyers had bought nothing else. What the only other buyer
 * also bought may be chance; what 20 of 20 also bought is not.
 */
const DOUBT = 3;

/** Time for the second signal, ms. Neo4j needs a second to plan a new query. */
const ANSWER_MS = 2_000;

export function neo4jPurchases({
  server,
  now,
  answerMs = ANSWER_MS,
}: {
  server: Server;
  /** Epoch ms. */
  now: () => number;
  answerMs?: number;
}): Purchases {
  const neo4j = openNeo4j({ ...server, connectMs: answerMs, transactionMs: answerMs, now });

  return {
    async of(tenant, user, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
      const parameters = { tenant, user };
      const [bought, together] = await Promise.all([
        neo4j.query<Row>({ text: BOUGHT, parameters }, limit),
        neo4j.query<Row & { confidence: number }>(
          { text: TOGETHER, parameters: { ...parameters, doubt: DOUBT } },
          limit,
        ),
      ]);
      return {
        bought: bought.map(({ product_id }) => product_id),
        together: together.map(({ product_id: id, confidence }) => ({ id, confidence })),
      };
    },
    close: () => neo4j.close(),
  };
}

type Row = { product_id: string };
