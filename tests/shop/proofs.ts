import type { Driver } from "neo4j-driver";

/** The keys of some tenants' proofs begin with `prefix`: an index answers. */
const OF_RUN = "MATCH (e:AppliedEvent) WHERE e.key STARTS WITH $prefix";
const QUERY_MS = 60_000;

/** How many events of the tenants whose names begin with `prefix` are in the graph. */
export async function countApplied(driver: Driver, prefix: string): Promise<number> {
  const [count] = await query<number>(driver, `${OF_RUN} RETURN count(e) AS value`, prefix);
  return count ?? 0;
}

/** When each of them was written, epoch ms: read just before its transaction was sent. */
export async function timesApplied(driver: Driver, prefix: string): Promise<Map<string, number>> {
  const text = `${OF_RUN} RETURN [e.key, e.applied_at] AS value`;
  return new Map(await query<[string, number]>(driver, text, prefix));
}

async function query<T>(driver: Driver, text: string, prefix: string): Promise<T[]> {
  const config = { routing: "READ", transactionConfig: { timeout: QUERY_MS } } as const;
  const { records } = await driver.executeQuery(text, { prefix }, config);
  return records.map((record) => record.get("value") as T);
}
