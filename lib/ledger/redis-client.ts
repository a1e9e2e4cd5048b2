import { Redis } from "ioredis";
import { LedgerUnavailableError } from "./errors.ts";

/** A connection to one Redis. */
export type RedisClient = {
  redis: Redis;
  /** `error` of a command as LedgerUnavailableError: where, what, and why the connection was lost. */
  unavailable: (error: unknown) => LedgerUnavailableError;
};

/**
 * A client on which no command can hang. It connects with its first command and connects again by
 * itself. A command whose connection is lost is sent again, twice at most, then it fails: every
 * command of the ledger may be repeated (lib/ledger/ledger.ts).
 */
export function redisClient(url: string): RedisClient {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectionName: "warren-ledger",
    connectTimeout: 1_000,
    // A server that is silent this long after a command is given up, and the connection with it.
    socketTimeout: 2_500,
    // With all repeats, also while a server that was just started reads its data.
    commandTimeout: 10_000,
    maxRetriesPerRequest: 2,
    retryStrategy: (times) => Math.min(50 * 2 ** (times - 1), 1_000),
    // What answers so was the primary until a failover: its name may lead to the new one by now.
    reconnectOnError: ({ message }) => message.startsWith("READONLY "),
  });
  const { host, port } = redis.options;
  let problem: string | undefined;
  redis.on("error", ({ message }: Error) => (problem = message));
  redis.on("ready", () => (problem = undefined));

  return {
    redis,
    // Not with `cause`: an error of ioredis carries the command, and the first one is the password's.
    unavailable(error) {
      const what = error instanceof Error ? error.message : "no reason given";
      const why = problem === undefined || problem === what ? "" : `: ${problem}`;
      return new LedgerUnavailableError(`Redis at ${host}:${port}: ${what}${why}`);
    },
  };
}
