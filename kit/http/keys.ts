import { hash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import * as z from "zod";
import { ConfigError } from "../../lib/config.ts";
import { tenantId } from "../../lib/envelope/envelope.ts";
import type { Logger } from "../../lib/log.ts";

/** Finds the tenant of a key. File, table and this process store hashes, never keys. */
export type Keys = {
  /** Undefined for an unknown key. Rejects with KeysUnavailableError when the store cannot answer. */
  tenantOf(key: string): string | undefined | Promise<string | undefined>;
  close(): void;
};

/** The store cannot tell now whether a key is valid. */
export class KeysUnavailableError extends Error {
  override name = "KeysUnavailableError";
}

const keyFile = z.object({
  keys: z.array(
    z.object({
      sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits"),
      tenant: tenantId,
      created_at: z.iso.datetime({ offset: true }),
    }),
  ),
});

type Entry = { digest: Buffer; tenant: string };

const CHECK_MS = 1_000;
/** Longer than any real key. Prevents hashing a huge header. */
export const MAX_KEY = 256;

/**
 * Keys from a JSON file `{ "keys": [{ "sha256": "<hex>", "tenant": "…", "created_at": "…" }] }`. A
 * changed file takes effect within a second. If the file becomes unreadable, the last good keys stay valid
 * and the error is logged once. Throws ConfigError if the file cannot be read at the start.
 */
export function fileKeys(
  path: string,
  { now, log }: { now: () => number; log: Pick<Logger, "info" | "error"> },
): Keys {
  let { seen, entries } = readAtStart(path);
  let checkedAt = now();
  let complaint = "";

  function refresh(): void {
    try {
      const current = version(path);
      if (current === seen) return;
      entries = read(path);
      seen = current;
      complaint = "";
      log.info({ keys: path }, "reloaded the API keys");
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== complaint) log.error({ keys: path, err: error }, "kept the last API keys");
      complaint = message;
    }
  }

  return {
    tenantOf(key) {
      if (now() - checkedAt >= CHECK_MS) {
        checkedAt = now();
        refresh();
      }
      if (key.length > MAX_KEY) return undefined;
      const digest = hash("sha256", key, "buffer");
      // The bucket leaks nothing: a client cannot choose the first bytes of a hash.
      return entries
        .get(digest.readUInt16BE())
        ?.find((entry) => timingSafeEqual(entry.digest, digest))?.tenant;
    },
    close() {},
  };
}

/** Names the variable, not its value: a path may be confidential. */
function readAtStart(path: string): { seen: string; entries: Map<number, Entry[]> } {
  try {
    return { seen: version(path), entries: read(path) };
  } catch (cause) {
    const reason =
      cause instanceof Error && "code" in cause ? `cannot be read (${String(cause.code)})` : cause;
    throw new ConfigError(`Bad configuration:\n  API_KEYS_FILE: ${textOf(reason)}`, { cause });
  }
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

/** The key of a request: `Authorization: Bearer <key>` or `X-Api-Key: <key>`. */
export function apiKeyOf(header: (name: string) => string | undefined): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(header("authorization") ?? "");
  return bearer?.[1] ?? header("x-api-key");
}

/** Changes whenever the file is written or replaced. */
function version(path: string): string {
  const { mtimeNs, size, ino } = statSync(path, { bigint: true });
  return `${mtimeNs}-${size}-${ino}`;
}

function read(path: string): Map<number, Entry[]> {
  const parsed = keyFile.safeParse(json(readFileSync(path, "utf8")));
  if (!parsed.success) throw new Error(`is not a key file: ${z.prettifyError(parsed.error)}`);

  const digests = parsed.data.keys.map(({ sha256, tenant }) => ({
    digest: Buffer.from(sha256, "hex"),
    tenant,
  }));
  return Map.groupBy(digests, ({ digest }) => digest.readUInt16BE());
}

/** Undefined if the text is not JSON. Drops the parser's message, which would quote the file. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
