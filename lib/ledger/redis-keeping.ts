import { LedgerUnavailableError } from "./ledger.ts";
import type { RedisClient } from "./redis-client.ts";

/**
 * What a Redis may do to rows before their 30 days are over: one sentence for each setting that lets it,
 * none if it keeps them. A repeatable consumer may lose the last second at a power cut (`everysec`), a sender
 * may not: its mark says that a send began. WAITAOF would be cheaper than `always`, but needs Redis 7.2.
 * Throws LedgerUnavailableError when it cannot be asked, or is nothing that a ledger can be kept in.
 */
export async function forgettingOf(
  { run }: RedisClient,
  { repeatable }: { repeatable: boolean },
): Promise<string[]> {
  const info = fieldsOf(await run((redis) => redis.info()));
  if (info.get("cluster_enabled") === "1") {
    throw new LedgerUnavailableError(
      "The Redis of REDIS_URL is a cluster: a batch's rows would lie on several of its nodes. The ledger wants a single primary.",
    );
  }
  if (info.get("role") !== "master") {
    throw new LedgerUnavailableError(
      "The Redis of REDIS_URL is a replica: REDIS_URL must lead to the primary.",
    );
  }
  const maxmemory = info.get("maxmemory");
  const policy = info.get("maxmemory_policy");
  const replicas = info.get("connected_slaves");
  const problems: string[] = [];

  if (maxmemory !== "0" && policy !== "noeviction") {
    problems.push(`maxmemory-policy ${policy} evicts them when its memory is full: set noeviction`);
  }
  if (info.get("aof_enabled") !== "1") {
    problems.push("appendonly no forgets them at a restart: set appendonly yes");
  } else {
    const fsync = await appendfsyncOf(run);
    const enough = repeatable ? ["everysec", "always"] : ["always"];
    if (!enough.includes(fsync)) {
      const list = enough.join(" or ");
      problems.push(`appendfsync ${fsync} forgets them at a power cut: set ${list}`);
    }
  }
  if (replicas !== "0") {
    problems.push(`with replicas (${replicas}) a failover forgets the last: use one that has none`);
  }
  return problems;
}

/** Some hosted ones do not answer CONFIG; then nobody knows. */
async function appendfsyncOf(run: RedisClient["run"]): Promise<string> {
  const answer = await run((redis) => redis.config("GET", "appendfsync")).catch(() => []);
  return (answer as string[])[1] ?? "unknown";
}

/** `INFO` is lines of `name:value` under headings. */
function fieldsOf(info: string): Map<string, string> {
  const lines = info.split("\r\n").map((line) => line.split(":"));
  return new Map(lines.map(([name = "", ...value]) => [name, value.join(":")]));
}

/**
 * Refuses the start of a consumer that is not repeatable, for whom a forgotten row is a second send, on a
 * Redis that may forget; warns a repeatable one, whose sink carries a proof of its own.
 */
export async function requireKeeping({
  client,
  consumer,
  warn,
}: {
  client: RedisClient;
  consumer: { name: string; repeatable: boolean };
  warn: (text: string) => void;
}): Promise<void> {
  const forgetting = await forgettingOf(client, consumer);
  if (forgetting.length === 0) return;
  const list = forgetting.join("; ");
  if (!consumer.repeatable) {
    throw new LedgerUnavailableError(
      `${consumer.name} is not repeatable, and the Redis of its ledger may forget what was sent: ${list}.`,
    );
  }
  warn(
    `The Redis of the ledger may forget rows: ${list}. Until then repeats are recognised by the sink's own proof alone.`,
  );
}
