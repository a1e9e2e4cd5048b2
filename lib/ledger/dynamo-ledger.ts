import type {
  AttributeValue,
  BatchStatementRequest,
  DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import * as z from "zod";
import { dynamoBatches, pauseBetween } from "../dynamo/client.ts";
import { errorText } from "../error-text.ts";
import {
  type Change,
  completeRows,
  type Key,
  LEDGER_MS,
  type Ledger,
  LedgerUnavailableError,
  partitionKey,
  readBody,
  RETENTION_DAYS,
  type Row,
  unreadable,
  type Verdict,
  writeBody,
} from "./ledger.ts";

/**
 * The ledger in one DynamoDB table (infra/dynamodb/table.ts) that all consumers share. Rows are read
 * 100 and compared and swapped 25 to a request: one event of a full batch costs 0.05 requests.
 * Calls take at most `deadlineMs`; they throw LedgerUnavailableError.
 */
export function dynamoLedger({
  client,
  table,
  consumer,
  now,
  random,
  deadlineMs = LEDGER_MS,
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
  const batches = dynamoBatches({ client, table, random });
  const statements = statementsOn(table);

  return {
    async look(events) {
      const pks = events.map(({ key }) => pkOf(key));
      const stored = await inTime((signal) => read([...new Set(pks)], signal));
      return pks.map((pk) => live(stored.get(pk)));
    },

    swap,
    complete: completeRows(swap),
  };

  function pkOf({ tenant, source, id }: Key): string {
    return partitionKey(consumer, tenant, source, id);
  }

  async function swap(changes: readonly Change[]): Promise<Verdict[]> {
    const writes = changes.map((change): ItemChange => ({
      ...change,
      pk: pkOf(change.key),
      replaced: change.over,
    }));
    if (new Set(writes.map(({ pk }) => pk)).size < writes.length) {
      throw new Error("a swap was given two changes of one key");
    }
    const verdicts = await inTime((signal) => swapAll(writes, signal));
    return writes.map(({ pk }) => verdicts.get(pk)!);
  }

  async function swapAll(writes: ItemChange[], signal: AbortSignal): Promise<Map<string, Verdict>> {
    const verdicts = new Map<string, Verdict>();
    const pause = pauseBetween(random, signal);

    for (let open = writes; ; await pause()) {
      const { written, refused, undecided } = await batches.write(
        open,
        (one) => statements.of(one, now()),
        signal,
      );
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

  /** The rows that exist, by their `pk`. */
  async function read(pks: readonly string[], signal: AbortSignal): Promise<Map<string, Stored>> {
    const items = await batches.read(pks, signal);
    return new Map(items.map((item) => readItem(item, now())));
  }

  async function inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const signal = AbortSignal.timeout(deadlineMs);
    try {
      return await work(signal);
    } catch (cause) {
      const reason = signal.aborted ? `no answer within ${deadlineMs} ms` : errorText(cause);
      throw new LedgerUnavailableError(`DynamoDB table "${table}": ${reason}`, { cause });
    }
  }
}

/** A change on its way; `replaced` is the row that the statement has to find. */
type ItemChange = Change & { pk: string; replaced: Row | undefined };

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

function statementsOn(table: string) {
  const insert = `INSERT INTO "${table}" VALUE {'pk': ?, 'rev': ?, 'body': ?, 'expires': ?}`;
  const update = `UPDATE "${table}" SET rev=? SET body=? SET expires=? WHERE pk=? AND rev=?`;
  const remove = `DELETE FROM "${table}" WHERE pk=? AND rev=?`;

  return {
    of({ pk, replaced, to }: ItemChange, now: number): BatchStatementRequest {
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

/**
 * One row as an item: `pk` (consumer#tenant#source#id), `rev`, `expires` (epoch s, the table's TTL) and
 * `body`, the rest of the row as JSON. A single attribute, because a write then replaces a row of any
 * state by one statement, and because the SDK's client spends its time on attributes. A claim with
 * three crashes is about 700 bytes: one write unit, which ends at 1 KB.
 */
type Stored = {
  row: Row;
  /** Past its TTL: DynamoDB removes such items days late, so they stand here and count as absent. */
  past: boolean;
};

/** What a write puts beside `pk`. `now` is epoch ms. */
export function attributesOf(row: Row, now: number) {
  return {
    rev: { S: row.rev },
    body: { S: writeBody(row) },
    expires: { N: String(Math.floor(now / 1_000) + RETENTION_DAYS * 86_400) },
  };
}

export function readItem(item: Record<string, AttributeValue>, now: number): [string, Stored] {
  const pk = item["pk"]!.S!;
  const { data, error } = attributes.safeParse(item);
  if (error !== undefined)
    return [pk, { row: unreadable(item["rev"]?.S ?? "", error), past: false }];
  const { rev, expires, body } = data;
  return [pk, { row: readBody(rev.S, body.S), past: Number(expires.N) * 1_000 <= now }];
}

const attributes = z.object({
  rev: z.object({ S: z.string() }),
  body: z.object({ S: z.string() }),
  expires: z.object({ N: z.string() }),
});
