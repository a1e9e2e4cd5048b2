import { createHash, randomBytes } from "node:crypto";
import { tenantId } from "../../lib/envelope/envelope.ts";

/** The stored part of an API key. Nobody can send events with it. */
export type KeyEntry = { sha256: string; tenant: string; created_at: string };

/** The store in which kit/http looks up keys. */
export type KeyStore = {
  /** The file or table, for messages. */
  where: string;
  add(entry: KeyEntry): Promise<void>;
  /** Oldest first. */
  list(): Promise<KeyEntry[]>;
  /** The key stops working within a minute, when ingest reads the store again. */
  remove(sha256: string): Promise<void>;
};

/** Creates a key for the tenant, stores its hash, and returns the key. It cannot be shown again. */
export async function createKey(
  store: Pick<KeyStore, "add">,
  tenant: string,
  now: () => number = Date.now,
): Promise<string> {
  tenantId.parse(tenant);
  const key = `wk_${randomBytes(24).toString("base64url")}`;
  await store.add({ sha256: hashOf(key), tenant, created_at: new Date(now()).toISOString() });
  return key;
}

export function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

export function byAge(entries: readonly KeyEntry[]): KeyEntry[] {
  return entries.toSorted((a, b) => (a.created_at < b.created_at ? -1 : 1));
}
