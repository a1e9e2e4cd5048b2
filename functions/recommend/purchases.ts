import neo4j, { type Driver } from "neo4j-driver";
import { unlessAborted } from "../../lib/async/deadline.ts";

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
export type Beside = { id: string; confidence: number };

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
/** After so long without a session connections may have gone without a word. ms */
const IDLE_MS = 30_000;

export function neo4jPurchases({
  url,
  user: login,
  password,
  now,
  answerMs = ANSWER_MS,
}: {
  url: string;
  user: string;
  password: string;
  /** Epoch ms. */
  now: () => number;
  answerMs?: number;
}): Purchases {
  const open = () =>
    neo4j.driver(url, neo4j.auth.basic(login, password), {
      connectionTimeout: answerMs,
      connectionAcquisitionTimeout: answerMs,
      disableLosslessIntegers: true,
      telemetryDisabled: true,
      notificationFilter: { minimumSeverityLevel: "OFF" },
    });
  let driver = open();
  let askedAt = now();

  return {
    async of(tenant, user, signal) {
      if (now() - askedAt > IDLE_MS) {
        // Not waited for: on a connection that nobody hears its goodbye takes minutes.
        driver.close().catch(() => {});
        driver = open();
      }
      askedAt = now();
      const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
      const parameters = { tenant, user };
      const [bought, together] = await Promise.all([
        rows<Row>(driver, { text: BOUGHT, parameters, answerMs }, limit),
        rows<Row & { confidence: number }>(
          driver,
          { text: TOGETHER, parameters: { ...parameters, doubt: DOUBT }, answerMs },
          limit,
        ),
      ]);
      return {
        bought: bought.map(({ product_id }) => product_id),
        together: together.map(({ product_id: id, confidence }) => ({ id, confidence })),
      };
    },
    close: () => driver.close(),
  };
}

type Row = { product_id: string };

/** Asked once: whoever waits for recommendations does not wait for a second attempt. */
async function rows<R>(
  driver: Driver,
  {
    text,
    parameters,
    answerMs,
  }: { text: string; parameters: Record<string, unknown>; answerMs: number },
  signal: AbortSignal,
): Promise<R[]> {
  signal.throwIfAborted();
  const session = driver.session({ defaultAccessMode: neo4j.session.READ });
  try {
    // The server ends it by itself, whether or not it hears that we are gone.
    const asked = session.run(text, parameters, { timeout: answerMs });
    const { records } = await unlessAborted(
      asked.then((result) => result),
      signal,
    );
    return records.map((record) => record.toObject() as R);
  } finally {
    session.close().catch(() => {});
  }
}
