import { createHash, randomBytes } from "node:crypto";
import { tenantId } from "../../lib/envelope/envelope.ts";

/** What is kept of an API key: whoever reads it cannot use it. */
export type KeyEntry = { sha256: string; tenant: string; created_at: string };

/** Where kit/http looks keys up. */
export type KeyStore = {
  /** For people: which file or table. */
  where: string;
  add(entry: KeyEntry): Promise<void>;
  /** The oldest first. */
  list(): Promise<KeyEntry[]>;
  /** The key stops working: at once or within a minute, as the store is read. */
  remove(sha256: string): Promise<void>;
};

/** Makes a key for the tenant, keeps its hash, and returns it: nobody can show it again. */
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
