import { hash } from "node:crypto";
import { GetItemCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { LRUCache } from "lru-cache";
import { tenantId } from "../../lib/envelope/envelope.ts";
import type { Logger } from "../../lib/log.ts";
import { KeysUnavailableError, MAX_KEY, type Keys } from "./keys.ts";

/** How long a revoked key can stay valid while the table answers, ms. */
const HIT_MS = 60_000;
/** How long a new key can be refused if a client used it before its creation, ms. */
const MISS_MS = 5_000;
/** How long a formerly valid key is accepted while the table does not answer, ms. */
const OUTAGE_MS = 3_600_000;
const LOOKUP_MS = 2_000;
/** Size of each of the two caches, about 2 MB. Unknown keys evict only unknown keys. */
const MAX_CACHED = 10_000;

type Hit = { tenant: string; checkedAt: number; askAgainAt: number };

/**
 * Keys from a DynamoDB table (infra/dynamodb/keys-table.ts), one item per SHA-256 of a key. While
 * the table does not answer, keys that were valid within the last hour stay valid. For all others
 * `tenantOf` rejects, so that no valid key is called wrong because the table is down.
 */
export function tableKeys({
  client,
  table,
  now,
  log,
}: {
  client: DynamoDBClient;
  table: string;
  /** Epoch ms. */
  now: () => number;
  log: Pick<Logger, "warn" | "info">;
}): Keys {
  const hits = new LRUCache<string, Hit>({ max: MAX_CACHED });
  const misses = new LRUCache<string, { askAgainAt: number }>({ max: MAX_CACHED });
  const asked = new Map<string, Promise<string | undefined>>();
  let down = false;

  async function ask(digest: string): Promise<string | undefined> {
    const askedAt = now();
    try {
      const tenant = await read(digest);
      answered(undefined);
      hits.delete(digest);
      misses.delete(digest);
      if (tenant === undefined) misses.set(digest, { askAgainAt: askedAt + MISS_MS });
      else hits.set(digest, { tenant, checkedAt: askedAt, askAgainAt: askedAt + HIT_MS });
      return tenant;
    } catch (error) {
      answered(error);
      const hit = hits.get(digest);
      if (hit === undefined || now() - hit.checkedAt > OUTAGE_MS) {
        throw new KeysUnavailableError(`table "${table}" does not answer`, { cause: error });
      }
      hit.askAgainAt = now() + MISS_MS;
      return hit.tenant;
    } finally {
      asked.delete(digest);
    }
  }

  async function read(sha256: string): Promise<string | undefined> {
    const input = { TableName: table, Key: { sha256: { S: sha256 } }, ConsistentRead: true };
    const abortSignal = AbortSignal.timeout(LOOKUP_MS);
    const { Item } = await client.send(new GetItemCommand(input), { abortSignal });
    return Item === undefined ? undefined : tenantId.parse(Item["tenant"]?.S);
  }

  /** One line when it begins and one when it ends, not one for each request. */
  function answered(error: unknown): void {
    if (error !== undefined && !down) log.warn({ table, err: error }, "API keys cannot be checked");
    if (error === undefined && down) log.info({ table }, "API keys can be checked again");
    down = error !== undefined;
  }

  return {
    tenantOf(key) {
      if (key.length > MAX_KEY) return undefined;
      const digest = hash("sha256", key, "hex");
      const hit = hits.get(digest);
      if (hit !== undefined && now() < hit.askAgainAt) return hit.tenant;
      const miss = misses.get(digest);
      if (miss !== undefined && now() < miss.askAgainAt) return undefined;

      const asking = asked.get(digest) ?? ask(digest);
      asked.set(digest, asking);
      return asking;
    },
    close: () => client.destroy(),
  };
}
