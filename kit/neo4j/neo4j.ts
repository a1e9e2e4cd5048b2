import neo4j, { type Neo4jError, type Session, type SessionMode } from "neo4j-driver";
import { pauseSince } from "../../lib/async/sleep.ts";
import { OutageError, PermanentError } from "../../lib/pipeline/errors.ts";

export type Server = { url: string; user: string; password: string };

/**
 * A Neo4j server. Every call throws OutageError when the server cannot do its work now, PermanentError
 * when it refuses the data, and other errors unchanged. An aborted signal ends the call at once, on
 * the server too.
 */
export type Neo4j = {
  /** Runs all statements in one transaction and one round trip. Retries transient failures for a while. */
  write(statements: readonly Statement[], signal: AbortSignal): Promise<void>;
  /** Records as objects, from the leader. The statement decides their shape. */
  read<T extends object>(statement: Statement, signal: AbortSignal): Promise<T[]>;
  /** Reads once, without a retry, from whichever member of a cluster answers. */
  query<T extends object>(statement: Statement, signal: AbortSignal): Promise<T[]>;
  /** Writes, and rolls back. */
  rehearse(statement: Statement, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
};

/** Parameters take whole numbers as bigint; results return them as number. */
export type Statement = { text: string; parameters: Record<string, unknown> };

/** The data violates a constraint: which statement said so, counted from 0. */
export class ConstraintError extends PermanentError {
  override name = "ConstraintError";
  readonly statement: number;

  constructor(message: string, statement: number, options?: ErrorOptions) {
    super(message, options);
    this.statement = statement;
  }
}

/**
 * ms. Connections that were idle for longer may be dead without a notice, above all after the process
 * was frozen: new ones are opened. The driver's own check would wait on each of them.
 */
const IDLE = 30_000;

/**
 * Opens a server; nothing is sent before the first call. The driver retries after 1 and 3 s, and
 * lib/pipeline holds batches during longer outages. The server ends a transaction after `transactionMs`
 * even if this process is gone.
 */
export function openNeo4j({
  url,
  user,
  password,
  connectMs = 5_000,
  retryMs = 2_000,
  transactionMs = 30_000,
  now = Date.now,
}: Server & {
  connectMs?: number;
  retryMs?: number;
  transactionMs?: number;
  /** Epoch ms. */
  now?: () => number;
}): Neo4j {
  const connect = () =>
    neo4j.driver(url, neo4j.auth.basic(user, password), {
      connectionTimeout: connectMs,
      connectionAcquisitionTimeout: connectMs + 1_000,
      maxTransactionRetryTime: retryMs,
      disableLosslessIntegers: true,
      telemetryDisabled: true,
      // Warnings about labels that do not exist yet, once per statement.
      notificationFilter: { minimumSeverityLevel: "OFF" },
    });
  const limits = { timeout: transactionMs };
  let driver = connect();
  let sessions = 0;
  const pause = pauseSince(now);

  async function inSession<T>(
    signal: AbortSignal,
    work: (session: Session) => Promise<T>,
    defaultAccessMode: SessionMode = neo4j.session.WRITE,
  ): Promise<T> {
    signal.throwIfAborted();
    if (pause() > IDLE && sessions === 0) {
      // Not awaited: closing a dead connection takes minutes.
      driver.close().catch(() => {});
      driver = connect();
    }
    sessions += 1;
    try {
      return await runSession(driver.session({ defaultAccessMode }), signal, work);
    } finally {
      sessions -= 1;
      pause();
    }
  }

  return {
    async write(statements, signal) {
      await inSession(signal, (session) =>
        session.executeWrite(async (tx) => {
          // All are sent before the first answer: the server runs them one after the other.
          const sent = statements.map(({ text, parameters }) => tx.run(text, parameters));
          const results = await Promise.allSettled(sent);
          // Those behind the failed one fail with its error; those before it did not fail.
          const failed = results.findIndex(({ status }) => status === "rejected");
          const result = results[failed];
          if (result?.status === "rejected") throw constraintError(result.reason, failed);
        }, limits),
      );
    },

    read: <T extends object>({ text, parameters }: Statement, signal: AbortSignal) =>
      inSession(signal, async (session) => {
        // On a cluster the leader answers: a follower may lag behind.
        const { records } = await session.executeWrite((tx) => tx.run(text, parameters), limits);
        return records.map((record) => record.toObject() as T);
      }),

    query: <T extends object>({ text, parameters }: Statement, signal: AbortSignal) =>
      inSession(
        signal,
        async (session) => {
          const { records } = await session.run(text, parameters, limits);
          return records.map((record) => record.toObject() as T);
        },
        neo4j.session.READ,
      ),

    rehearse: ({ text, parameters }, signal) =>
      inSession(signal, async (session) => {
        const tx = await session.beginTransaction(limits);
        await tx.run(text, parameters);
        await tx.rollback();
      }),

    close: () => driver.close(),
  };
}

async function runSession<T>(
  session: Session,
  signal: AbortSignal,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => {
    // Resets the connection, which ends the transaction on the server. Not awaited: the server may
    // not answer, and a managed transaction that was waiting to retry never settles.
    session.close().catch(() => {});
    aborted.reject(signal.reason);
  };
  const finish = async () => {
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  };

  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([finish(), aborted.promise]);
  } catch (error) {
    throw classified(error);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Codes by https://neo4j.com/docs/status-codes/; the driver's own are in neo4j-driver-core/error. */
const UNIQUE = "Neo.ClientError.Schema.ConstraintValidationFailed";

const OUTAGES = new Set([
  "Neo.ClientError.Cluster.NotALeader",
  "Neo.ClientError.Database.DatabaseNotFound",
  "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase",
  "Neo.ClientError.General.TransactionOutOfMemoryError",
  "Neo.ClientError.General.WriteOnReadOnlyAccessDatabase",
  "Neo.ClientError.Statement.AccessMode",
  "Neo.ClientError.Transaction.TransactionTimedOut",
  "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration",
]);

/**
 * Wrong, expired or blocked credentials; a role without write access; failures of the server. A value
 * that is too large for an index also looks like a failure of the server. Its group is halved anyway,
 * because the probe succeeds (lib/pipeline/hold.ts).
 */
const OUTAGE_FAMILIES = ["Neo.ClientError.Security.", "Neo.DatabaseError."];

const REFUSALS = new Set([
  UNIQUE,
  "Neo.ClientError.Statement.ArgumentError",
  "Neo.ClientError.Statement.ArithmeticError",
  "Neo.ClientError.Statement.TypeError",
]);

function constraintError(error: unknown, statement: number): unknown {
  if (!(error instanceof neo4j.Neo4jError) || error.code !== UNIQUE) return error;
  return new ConstraintError(textOf(error), statement);
}

/**
 * `retryable` covers the driver's ServiceUnavailable and SessionExpired, and every TransientError. An
 * error that is still transient after the driver's retries counts as an outage.
 */
function classified(error: unknown): unknown {
  if (!(error instanceof neo4j.Neo4jError)) return error;
  const { code, retryable } = error;
  if (retryable || OUTAGES.has(code) || OUTAGE_FAMILIES.some((family) => code.startsWith(family))) {
    return new OutageError(textOf(error));
  }
  return REFUSALS.has(code) ? new PermanentError(textOf(error)) : new Error(textOf(error));
}

/** Up to the first quote: the server quotes the data that it refuses, which must not be logged. */
function textOf({ code, message }: Neo4jError): string {
  return `${code}: ${message.split(/['"`]/, 1)[0]}`;
}
