import { openNeo4j, type Server } from "../../kit/neo4j/neo4j.ts";

/** What the graph of functions/neo4j-projector says about who buys what. */
export type Purchases = {
  /** Rejects when the graph does not answer in time. */
  of(tenant: string, user: string, signal: AbortSignal): Promise<Bought>;
  close(): Promise<void>;
};

export type Bought = {
  /** The latest ones; products of orders count, whatever has become of the order. */
  bought: string[];
  /** What those who bought the same bought besides; what most of them did comes first. */
  together: Beside[];
};

/** `confidence`: which share of those who bought the same did; with few of them, less than that. */
type Beside = { id: string; confidence: number };

const BOUGHT = `
  MATCH (u:User {tenant_id: $tenant, user_id: $user})
  CALL { WITH u MATCH (u)-[b:PURCHASED]->(p:Product) RETURN p, b.last_at AS at
         UNION WITH u MATCH (u)-[:PLACED]->(o:Order)-[:CONTAINS]->(p:Product) RETURN p, o.created_stamp AS at }
  WITH p.product_id AS product_id, max(at) AS at
  RETURN product_id ORDER BY at DESC, product_id LIMIT 1000`;

/**
 * Others count for as many purchases as they share. Each step is bounded: a product that everybody has
 * bought must not make one question a walk over all, so of its buyers some stand for the rest.
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
 * As if so many more had bought the same and nothing besides: what the only other buyer has bought as well
 * may be chance, what 20 of 20 have is not.
 */
const DOUBT = 3;

/** What a second signal may cost, ms. Neo4j needs a second to plan what it has not been asked before. */
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
