import neo4j, { type Driver } from "neo4j-driver";
import { unlessAborted } from "../../lib/unless-aborted.ts";

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
  together: string[];
};

const BOUGHT = `
  MATCH (u:User {tenant_id: $tenant, user_id: $user})
  CALL { WITH u MATCH (u)-[b:PURCHASED]->(p:Product) RETURN p, b.last_at AS at
         UNION WITH u MATCH (u)-[:PLACED]->(o:Order)-[:CONTAINS]->(p:Product) RETURN p, o.created_stamp AS at }
  WITH p.product_id AS product_id, max(at) AS at
  RETURN product_id ORDER BY at DESC, product_id LIMIT 1000`;

/** Each step is bounded: a product that everybody has bought must not make one question a walk over all. */
const TOGETHER = `
  MATCH (u:User {tenant_id: $tenant, user_id: $user})-[b:PURCHASED]->(p:Product)
  WITH u, p ORDER BY b.last_at DESC, p.product_id LIMIT 20
  CALL { WITH u, p MATCH (p)<-[:PURCHASED]-(other:User) WHERE other <> u RETURN other LIMIT 200 }
  WITH other, count(*) AS shared ORDER BY shared DESC, other.user_id LIMIT 100
  CALL { WITH other MATCH (other)-[o:PURCHASED]->(p:Product) WHERE p.deleted_at IS NULL
         RETURN p.product_id AS product_id ORDER BY o.last_at DESC, product_id LIMIT 50 }
  WITH product_id, sum(shared) AS weight WHERE weight >= $enough
  RETURN product_id ORDER BY weight DESC, product_id LIMIT 200`;

/** What one person bought beside one thing is chance, and would stand as high as what many did. */
const ENOUGH = 2;

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
      const parameters = { tenant, user, enough: ENOUGH };
      const [bought, together] = await Promise.all(
        [BOUGHT, TOGETHER].map((text) => productIds(driver, { text, parameters, answerMs }, limit)),
      );
      return { bought: bought!, together: together! };
    },
    close: () => driver.close(),
  };
}

/** Asked once: whoever waits for recommendations does not wait for a second attempt. */
async function productIds(
  driver: Driver,
  {
    text,
    parameters,
    answerMs,
  }: { text: string; parameters: Record<string, unknown>; answerMs: number },
  signal: AbortSignal,
): Promise<string[]> {
  signal.throwIfAborted();
  const session = driver.session({ defaultAccessMode: neo4j.session.READ });
  try {
    // The server ends it by itself, whether or not it hears that we are gone.
    const asked = session.run(text, parameters, { timeout: answerMs });
    const { records } = await unlessAborted(
      asked.then((result) => result),
      signal,
    );
    return records.map((record) => record.get("product_id") as string);
  } finally {
    session.close().catch(() => {});
  }
}
