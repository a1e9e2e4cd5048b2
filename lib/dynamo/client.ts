import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import {
  type AttributeValue,
  BatchExecuteStatementCommand,
  BatchGetItemCommand,
  type BatchStatementError,
  type BatchStatementRequest,
  DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import { chunksOf, inParallel } from "../async/in-parallel.ts";
import { backoff, pauseSince, sleep } from "../async/sleep.ts";

/** Parallel requests of one call of the ledger, and sockets that are kept open. */
export const PARALLEL_REQUESTS = 16;

/** A connection that was idle for this long may be dead. */
const IDLE_MS = 10_000;

/**
 * A client whose requests cannot hang. The SDK reads region, credentials and, unless given, the endpoint
 * (`AWS_ENDPOINT_URL_DYNAMODB`) from the environment.
 */
export function dynamoClient({
  endpoint,
  now = Date.now,
}: { endpoint?: string | undefined; now?: () => number } = {}): DynamoDBClient {
  const options = { keepAlive: true, maxSockets: PARALLEL_REQUESTS };
  const httpAgent = new HttpAgent(options);
  const httpsAgent = new HttpsAgent(options);
  const client = new DynamoDBClient({
    ...(endpoint !== undefined && { endpoint }),
    // Two retries cover a dropped connection. A longer outage is reported to the caller.
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: 1_000,
      requestTimeout: 3_000,
      // Otherwise the SDK only logs a warning and continues to wait.
      throwOnRequestTimeout: true,
      httpAgent,
      httpsAgent,
    },
  });
  const dropIdle = idleDropper([httpAgent, httpsAgent], now);
  client.middlewareStack.add(
    (next) => (args) => {
      dropIdle();
      return next(args);
    },
    { step: "initialize", name: "dropIdleConnections" },
  );
  return client;
}

/** A request on a dead connection (pauseSince) would wait for its whole time-out. */
function idleDropper(agents: readonly HttpAgent[], now: () => number): () => void {
  const pause = pauseSince(now);
  return () => {
    if (pause() < IDLE_MS) return;
    const free = agents.flatMap(({ freeSockets }) => Object.values(freeSockets));
    for (const socket of free.flatMap((sockets) => sockets ?? [])) socket.destroy();
  };
}

/** DynamoDB's limits per request. */
const KEYS_PER_READ = 100;
const STATEMENTS_PER_WRITE = 25;

export type Item = Record<string, AttributeValue>;

/** Written, refused by its condition, or to be retried. */
type Fate = "written" | "refused" | "undecided";

/**
 * Items of one table with the string key `pk`, read 100 and written 25 to a request, since the
 * client's CPU is spent per request. PartiQL, because only BatchExecuteStatement has conditions and
 * one verdict per item; a transaction would fail all items for one. Errors are the SDK's.
 */
export function dynamoBatches({
  client,
  table,
  random,
}: {
  client: DynamoDBClient;
  table: string;
  /** In [0, 1). */
  random: () => number;
}) {
  // The name is part of statements, and DynamoDB answers with the name. So an ARN does not work.
  if (!/^[A-Za-z0-9_.-]{3,255}$/.test(table))
    throw new Error(`"${table}" is not the name of a DynamoDB table`);

  return {
    /** The items that exist, unordered; consistent reads. Keys must be distinct. */
    async read(pks: readonly string[], signal: AbortSignal): Promise<Item[]> {
      const items: Item[] = [];

      await inParallel(chunksOf(KEYS_PER_READ, pks), PARALLEL_REQUESTS, async (chunk) => {
        const pause = pauseBetween(random, signal);
        let keys: Item[] = chunk.map((pk) => ({ pk: { S: pk } }));
        for (;;) {
          const { Responses, UnprocessedKeys } = await client.send(
            new BatchGetItemCommand({
              RequestItems: { [table]: { Keys: keys, ConsistentRead: true } },
            }),
            { abortSignal: signal },
          );
          items.push(...(Responses?.[table] ?? []));
          keys = UnprocessedKeys?.[table]?.Keys ?? [];
          if (keys.length === 0) return;
          await pause();
        }
      });
      return items;
    },

    /** Executes the statement of each write, which names its item in this table. Returns a fate for each. */
    async write<One>(
      writes: readonly One[],
      statementOf: (one: One) => BatchStatementRequest,
      signal: AbortSignal,
    ): Promise<Record<Fate, One[]>> {
      const result: Record<Fate, One[]> = { written: [], refused: [], undecided: [] };

      await inParallel(chunksOf(STATEMENTS_PER_WRITE, writes), PARALLEL_REQUESTS, async (chunk) => {
        const { Responses = [] } = await client.send(
          new BatchExecuteStatementCommand({ Statements: chunk.map(statementOf) }),
          { abortSignal: signal },
        );
        chunk.forEach((one, index) => {
          const response = Responses[index];
          if (response === undefined) throw new Error("a statement was left without an answer");
          if (response.Error === undefined) result.written.push(one);
          else result[fateOf(response.Error)].push(one);
        });
      });
      return result;
    },
  };
}

/** Random waits between retries: up to 50 ms at first, up to 1 s later. */
export function pauseBetween(random: () => number, signal: AbortSignal): () => Promise<void> {
  const waits = backoff({ firstMs: 50, lastMs: 1_000, spread: 1, random });
  return () => sleep(waits.next(), signal);
}

const REFUSALS = ["ConditionalCheckFailed", "DuplicateItem"];

/** After an internal error the write may exist. Then our own item refuses the retry. */
const PASSING = [
  "InternalServerError",
  "ProvisionedThroughputExceeded",
  "RequestLimitExceeded",
  "ThrottlingError",
  "TransactionConflict",
];

/** Throws an error that no retry can mend. */
function fateOf({ Code, Message }: BatchStatementError): "refused" | "undecided" {
  if (REFUSALS.includes(String(Code))) return "refused";
  if (PASSING.includes(String(Code))) return "undecided";
  throw new Error(`${Code}: ${Message}`);
}
