import { setTimeout as sleep } from "node:timers/promises";
import {
  BatchExecuteStatementCommand,
  BatchGetItemCommand,
  type AttributeValue,
  type BatchStatementError,
  type BatchStatementRequest,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import { PARALLEL_REQUESTS } from "./dynamo-client.ts";
import { attributesOf, readItem, type Stored } from "./dynamo-item.ts";
import { LedgerUnavailableError } from "./errors.ts";
import { chunksOf, inParallel } from "./in-parallel.ts";
import type { Change, Ledger, Row, Verdict } from "./ledger.ts";
import { partitionKey } from "./row-key.ts";

/** DynamoDB's limits per request. */
const KEYS_PER_READ = 100;
const STATEMENTS_PER_WRITE = 25;

/**
 * The ledger in one DynamoDB table (infra/dynamodb/table.ts) that all consumers share. Rows are read
 * 100 and compared and swapped 25 to a request, since the client's CPU is spent per request: one
 * event of a full batch costs 0.05 requests. PartiQL, because only BatchExecuteStatement has
 * conditions and one verdict per row; a transaction would fail all rows for one.
 * Calls take at most `deadlineMs`; they throw LedgerUnavailableError.
 */
export function dynamoLedger({
  client,
  table,
  consumer,
  now,
  random,
  deadlineMs = 10_000,
}: {
  client: DynamoDBClient;
  table: string;
  consumer: string;
  /** Epoch ms. */
  now: () => number;
  /** In [0, 1). */
  random: () => number;
  deadlineMs?: number;
}): Ledger {
  // The name becomes part of each statement, and DynamoDB answers by name: an ARN would not be found.
  if (!/^[A-Za-z0-9_.-]{3,255}$/.test(table)) throw new Error(`"${table}" names no DynamoDB table`);
  const statements = statementsOn(table);

  return {
    async look(keys) {
      const pks = keys.map((key) => partitionKey(consumer, key));
      const stored = await inTime((signal) => read([...new Set(pks)], signal));
      return pks.map((pk) => live(stored.get(pk)));
    },

    async swap(changes) {
      const writes = changes.map((change): Write => ({
        ...change,
        pk: partitionKey(consumer, change.key),
        replaced: change.over,
      }));
      if (new Set(writes.map(({ pk }) => pk)).size < writes.length) {
        throw new Error("a swap was given two changes of one key");
      }
      const verdicts = await inTime((signal) => swapAll(writes, signal));
      return writes.map(({ pk }) => verdicts.get(pk)!);
    },
  };

  async function swapAll(writes: Write[], signal: AbortSignal): Promise<Map<string, Verdict>> {
    const verdicts = new Map<string, Verdict>();
    const pause = backoff(random, signal);

    for (let open = writes; ; await pause()) {
      const { written, refused, undecided } = await write(open, signal);
      for (const { pk } of written) verdicts.set(pk, { written: true });

      // A refused insert names no item, a refused update of a missing one neither: both are read.
      const standing = await read(
        refused.map(({ pk }) => pk),
        signal,
      );
      open = undecided;
      for (const one of refused) {
        const stored = standing.get(one.pk);
        const verdict = judge(one, live(stored));
        if (verdict !== undefined) verdicts.set(one.pk, verdict);
        // Nothing that counts stands in the way of an insert: an item past its TTL is replaced.
        else open.push({ ...one, replaced: stored?.row });
      }
      if (open.length === 0) return verdicts;
    }
  }

  async function write(writes: readonly Write[], signal: AbortSignal) {
    const result = { written: [] as Write[], refused: [] as Write[], undecided: [] as Write[] };

    await inParallel(chunksOf(STATEMENTS_PER_WRITE, writes), PARALLEL_REQUESTS, async (chunk) => {
      const { Responses = [] } = await client.send(
        new BatchExecuteStatementCommand({
          Statements: chunk.map((one) => statements.of(one, now())),
        }),
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
  }

  /** The items that exist, by their `pk`. */
  async function read(pks: readonly string[], signal: AbortSignal): Promise<Map<string, Stored>> {
    const stored = new Map<string, Stored>();

    await inParallel(chunksOf(KEYS_PER_READ, pks), PARALLEL_REQUESTS, async (chunk) => {
      const pause = backoff(random, signal);
      let keys: Record<string, AttributeValue>[] = chunk.map((pk) => ({ pk: { S: pk } }));
      for (;;) {
        const { Responses, UnprocessedKeys } = await client.send(
          new BatchGetItemCommand({
            RequestItems: { [table]: { Keys: keys, ConsistentRead: true } },
          }),
          { abortSignal: signal },
        );
        for (const item of Responses?.[table] ?? []) stored.set(...readItem(item, now()));
        keys = UnprocessedKeys?.[table]?.Keys ?? [];
        if (keys.length === 0) return;
        await pause();
      }
    });
    return stored;
  }

  async function inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const signal = AbortSignal.timeout(deadlineMs);
    try {
      return await work(signal);
    } catch (cause) {
      const reason = signal.aborted
        ? `no answer within ${deadlineMs} ms`
        : cause instanceof Error
          ? `${cause.name}: ${cause.message}`
          : "no reason given";
      throw new LedgerUnavailableError(`DynamoDB table "${table}": ${reason}`, { cause });
    }
  }
}

/** A change on its way; `replaced` is the row that the statement has to find. */
type Write = Change & { pk: string; replaced: Row | undefined };

/** What the row that stands after a refusal says; `undefined`: the write has to be tried again. */
function judge({ over, to }: Change, row: Row | undefined): Verdict | undefined {
  // Our own write took effect and only its answer was lost.
  if (row?.rev === to?.rev) return { written: true };
  if (row === undefined && over === undefined) return undefined;
  return { written: false, row };
}

function live(stored: Stored | undefined): Row | undefined {
  return stored?.past === false ? stored.row : undefined;
}

const REFUSALS = ["ConditionalCheckFailed", "DuplicateItem"];

/** An internal error may have been carried out: then the repeat is refused by our own row. */
const PASSING = [
  "InternalServerError",
  "ProvisionedThroughputExceeded",
  "RequestLimitExceeded",
  "ThrottlingError",
  "TransactionConflict",
];

/** Throws what no repeat can mend. */
function fateOf({ Code, Message }: BatchStatementError): "refused" | "undecided" {
  if (REFUSALS.includes(String(Code))) return "refused";
  if (PASSING.includes(String(Code))) return "undecided";
  throw new Error(`${Code}: ${Message}`);
}

function statementsOn(table: string) {
  const insert = `INSERT INTO "${table}" VALUE {'pk': ?, 'rev': ?, 'body': ?, 'expires': ?}`;
  const update = `UPDATE "${table}" SET rev=? SET body=? SET expires=? WHERE pk=? AND rev=?`;
  const remove = `DELETE FROM "${table}" WHERE pk=? AND rev=?`;

  return {
    of({ pk, replaced, to }: Write, now: number): BatchStatementRequest {
      // An empty rev is nobody's: to remove a row that should be absent already changes nothing.
      const found = [{ S: pk }, { S: replaced?.rev ?? "" }];
      if (to === undefined) return { Statement: remove, Parameters: found };

      const { rev, body, expires } = attributesOf(to, now);
      return replaced === undefined
        ? { Statement: insert, Parameters: [{ S: pk }, rev, body, expires] }
        : { Statement: update, Parameters: [rev, body, expires, ...found] };
    },
  };
}

/** Waits between repeats: up to 50 ms at first, doubling up to 1 s, the whole of it by chance. */
function backoff(random: () => number, signal: AbortSignal): () => Promise<void> {
  let longest = 50;
  return async () => {
    const ms = random() * longest;
    longest = Math.min(longest * 2, 1_000);
    await sleep(ms, undefined, { signal });
  };
}
