import type { BatchStatementRequest, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import * as z from "zod";
import { dynamoBatches, type Item, pauseBetween } from "../../lib/dynamo/client.ts";
import {
  type Change,
  type Directory,
  type Document,
  type LeftOut,
  merged,
  textOf,
} from "./directory.ts";
import { DirectoryUnavailableError } from "./errors.ts";

/**
 * The directory in one DynamoDB table (infra/dynamodb/directory-table.ts). An item is `pk`
 * (kind#tenant#id), `rev`, a nonce of the write that made it, and `body`, the document as JSON. A
 * merge reads, merges, and writes where `rev` is still the one it has read, else it merges again.
 * Calls take at most `deadlineMs`.
 */
export function dynamoDirectory({
  client,
  table,
  random,
  nonce,
  deadlineMs = 10_000,
}: {
  client: DynamoDBClient;
  table: string;
  /** In [0, 1). */
  random: () => number;
  /** A string that no other write has used. */
  nonce: () => string;
  deadlineMs?: number;
}): Directory {
  const batches = dynamoBatches({ client, table, random });
  const statementOf = statementsOn(table);

  async function read(pks: readonly string[], signal: AbortSignal): Promise<Map<string, Stored>> {
    const items = await batches.read(pks, signal);
    return new Map(items.map(readItem));
  }

  async function mergeAll(changes: readonly Change[], signal: AbortSignal): Promise<LeftOut[]> {
    const leftOut: LeftOut[] = [];
    const pause = pauseBetween(random, signal);
    let open = Map.groupBy(changes, ({ key }) => textOf(key));

    for (; ; await pause()) {
      const standing = await read([...open.keys()], signal);
      const writes = [...open].flatMap(([pk, some]): Write[] => {
        const { rev, document } = standing.get(pk) ?? {};
        const result = merged(document, some);
        leftOut.push(...result.leftOut);
        open.set(pk, result.taken);
        return result.next === undefined ? [] : [{ pk, rev, body: result.next.body }];
      });
      const { refused, undecided } = await batches.write(
        writes,
        (one) => statementOf(one, nonce()),
        signal,
      );
      const again = [...refused, ...undecided];
      if (again.length === 0) return leftOut;
      open = new Map(again.map(({ pk }) => [pk, open.get(pk)!]));
    }
  }

  async function inTime<T>(
    outer: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const late = AbortSignal.timeout(deadlineMs);
    try {
      return await work(AbortSignal.any([outer, late]));
    } catch (cause) {
      const reason = outer.aborted
        ? "interrupted"
        : late.aborted
          ? `no answer within ${deadlineMs} ms`
          : cause instanceof Error
            ? `${cause.name}: ${cause.message}`
            : "no reason given";
      throw new DirectoryUnavailableError(`DynamoDB table "${table}": ${reason}`, { cause });
    }
  }

  return {
    async read(keys, signal) {
      const pks = keys.map(textOf);
      const stored = await inTime(signal, (until) => read([...new Set(pks)], until));
      return pks.map((pk) => stored.get(pk)?.document);
    },

    merge: (changes, signal) => inTime(signal, (until) => mergeAll(changes, until)),

    async probe(signal) {
      // No item has an empty `rev`. So the table refuses this write, which proves that it handles writes.
      const write = { pk: "probe", rev: "", body: "{}" };
      await inTime(signal, async (until) => {
        const { refused } = await batches.write([write], (one) => statementOf(one, ""), until);
        if (refused.length === 0) throw new Error("a write that cannot be was not refused");
      });
    },
  };
}

type Stored = { rev: string; document: Document };

/** The statement succeeds only if the item has this `rev`; undefined: if there is no item. */
type Write = { pk: string; rev: string | undefined; body: string };

function statementsOn(table: string) {
  const insert = `INSERT INTO "${table}" VALUE {'pk': ?, 'rev': ?, 'body': ?}`;
  const update = `UPDATE "${table}" SET rev=? SET body=? WHERE pk=? AND rev=?`;
  return ({ pk, rev, body }: Write, next: string): BatchStatementRequest =>
    rev === undefined
      ? { Statement: insert, Parameters: [{ S: pk }, { S: next }, { S: body }] }
      : { Statement: update, Parameters: [{ S: next }, { S: body }, { S: pk }, { S: rev }] };
}

/** Throws on an item that it cannot read: an existing document must never count as absent. */
function readItem(item: Item): [string, Stored] {
  const { pk, rev, body } = attributes.parse(item);
  return [pk.S, { rev: rev.S, document: documentBody.parse(JSON.parse(body.S)) }];
}

const attributes = z.object({
  pk: z.object({ S: z.string() }),
  rev: z.object({ S: z.string() }),
  body: z.object({ S: z.string() }),
});

const documentBody = z.record(z.string(), z.object({ stamp: z.string(), value: z.unknown() }));
