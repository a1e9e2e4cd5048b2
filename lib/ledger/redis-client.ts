import { Redis, ReplyError } from "ioredis";
import { backoff } from "../async/sleep.ts";
import { messageOf } from "../error-text.ts";
import { LEDGER_MS, LedgerUnavailableError } from "./ledger.ts";

/** A connection to one Redis. */
export type RedisClient = {
  /**
   * Runs one command, and repeats it twice at most if its connection is lost: it has to be one that
   * may be repeated. Takes LEDGER_MS at most; throws LedgerUnavailableError.
   */
  run: <T>(command: (redis: Redis) => Promise<T>) => Promise<T>;
  close: () => void;
};

const ATTEMPTS = 3;
const COMMAND_MS = 3_000;

/**
 * A client on which no command can hang. It connects with its first command, and connects again by
 * itself, with growing pauses, for which a command waits.
 */
export function redisClient(url: string): RedisClient {
  const pauses = backoff({ firstMs: 50, lastMs: 1_000, random: Math.random });
  const redis = new Redis(url, {
    lazyConnect: true,
    connectionName: "warren-ledger",
    connectTimeout: 1_000,
    // A server that is silent this long after a command is given up, and the connection with it.
    socketTimeout: 2_500,
    // Else it would wait as long as a server that was just started reads its data.
    commandTimeout: COMMAND_MS,
    // ioredis' own repeats do not end when a connection is lost again while it is being made.
    maxRetriesPerRequest: 0,
    retryStrategy: () => pauses.next(),
    // What answers so was the primary until a failover: its name may lead to the new one by now.
    reconnectOnError: ({ message }) => message.startsWith("READONLY "),
  });
  const { host, port } = redis.options;
  let problem: string | undefined;
  redis.on("error", ({ message }: Error) => (problem = message));
  redis.on("ready", () => {
    problem = undefined;
    pauses.reset();
  });

  /** Without `cause`: an error of ioredis carries its command, and the first one has the password. */
  function unavailable(error: unknown): LedgerUnavailableError {
    const what = error instanceof ReplyError ? undefined : problem;
    const why = what ?? messageOf(error);
    return new LedgerUnavailableError(`Redis at ${host}:${port}: ${why}`);
  }

  return {
    async run(command) {
      const lastStart = performance.now() + LEDGER_MS - COMMAND_MS;
      for (let attempt = 1; ; attempt++) {
        try {
          return await command(redis);
        } catch (error) {
          const mayRepeat = attempt < ATTEMPTS && performance.now() < lastStart;
          if (error instanceof ReplyError || !mayRepeat) throw unavailable(error);
        }
      }
    },
    close: () => redis.disconnect(),
  };
}
