import type {
  AttributeValue,
  BatchStatementRequest,
  DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import * as z from "zod";
import { inParallel } from "../async/in-parallel.ts";
import { dynamoBatches, pauseBetween } from "../dynamo/client.ts";
import { errorText } from "../error-text.ts";
import { doneSetsIn, type Entry } from "./done-sets.ts";
import {
  type Asked,
  type Change,
  type Completion,
  completeRows,
  type Done,
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
 * With `doneSets`, which only repeatable consumers may have, events with a time in their ids are
 * recorded as done in sets (done-sets.ts): hundreds to a request, and no row unless they are claimed
 * or forwarded. Calls take at most `deadlineMs`; they throw LedgerUnavailableError.
 */
export function dynamoLedger({
  client,
  table,
  consumer,
  doneSets,
  now,
  random,
  deadlineMs = LEDGER_MS,
}: {
  client: DynamoDBClient;
  table: string;
  consumer: string;
  doneSets: boolean;
  /** Epoch ms. */
  now: () => number;
  /** In [0, 1). */
  random: () => number;
  deadlineMs?: number;
}): Ledger {
  const batches = dynamoBatches({ client, table, random });
  const statements = statementsOn(table);
  const sets = doneSetsIn({ client, batches, table, consumer, now, random });
  const entryOf = (asked: Pick<Asked, "key" | "digest">) =>
    doneSets ? sets.entryOf(asked) : undefined;

  return {
    look: (events) => inTime((signal) => look(events, signal)),
    swap: (changes) => inTime((signal) => swap(changes, signal)),
    complete: (changes) => inTime((signal) => complete(changes, signal)),
  };

  /**
   * Of fresh events the set is read first: its mark tells whether there may be a row. Of others the
   * row: who completes an event removes the row after the addition, so one of both reads sees it.
   */
  async function look(events: readonly Asked[], signal: AbortSignal): Promise<(Row | undefined)[]> {
    const looks = events.map((asked) => ({ ...asked, pk: pkOf(asked.key), entry: entryOf(asked) }));
    const rows = new Map<string, Stored>();
    const readRows = async (some: typeof looks) => {
      const pks = new Set(some.map(({ pk }) => pk));
      for (const [pk, stored] of await read([...pks], signal)) rows.set(pk, stored);
    };
    const find = (some: typeof looks) => sets.find(entriesIn(some), signal);

    const [setFirst, rowFirst] = parted(looks, ({ entry, fresh }) => fresh && entry !== undefined);
    await together(
      () => readRows(rowFirst),
      () => find(setFirst),
    );
    await together(
      () => readRows(setFirst.filter(({ entry }) => entry!.marked && !doneIn(entry))),
      () => find(rowFirst),
    );
    return looks.map(({ pk, entry }) => doneIn(entry) ?? live(rows.get(pk)));
  }

  async function complete(
    changes: readonly Completion[],
    signal: AbortSignal,
  ): Promise<(Done | undefined)[]> {
    const all = changes.map((change) => {
      const entry = entryOf({ key: change.key, digest: change.to.digest });
      return { ...change, pk: pkOf(change.key), entry };
    });
    const [inSets, inRows] = parted(all, ({ entry }) => entry !== undefined);
    const standing = new Map<string, Done | undefined>();
    await together(
      () => sets.add(entriesIn(inSets), signal),
      async () => {
        const found = await completeRows((some) => swap(some, signal))(inRows);
        inRows.forEach(({ pk }, index) => standing.set(pk, found[index]));
      },
    );
    for (const { pk, entry } of inSets) standing.set(pk, otherIn(entry!));

    // The entry counts before any row. What cannot be removed now is left to the table's TTL.
    const removed = inSets.flatMap(({ pk, key, over }) =>
      over?.state === "claimed" && !standing.get(pk)
        ? [{ pk, key, over, to: undefined, entry: undefined, replaced: over }]
        : [],
    );
    await batches.write(removed, (one) => statements.of(one, now()), signal).catch(() => undefined);
    return all.map(({ pk }) => standing.get(pk));
  }

  function pkOf({ tenant, source, id }: Key): string {
    return partitionKey(consumer, tenant, source, id);
  }

  async function swap(changes: readonly Change[], signal: AbortSignal): Promise<Verdict[]> {
    const writes = changes.map((change): ItemChange => {
      const { key, over, to } = change;
      const entry = entryOf({ key, digest: (to ?? over)?.digest ?? "" });
      return { ...change, pk: pkOf(key), entry, replaced: over };
    });
    if (new Set(writes.map(({ pk }) => pk)).size < writes.length) {
      throw new Error("a swap was given two changes of one key");
    }
    // Before the row is written, or a fresh look could miss it.
    const hiding = writes.filter(({ to }) => to !== undefined && to.state !== "done");
    await sets.mark(entriesIn(hiding), signal);

    const verdicts = await swapAll(writes, signal);
    const refused = writes.filter(({ pk }) => verdicts.get(pk)?.written === false);
    await sets.find(entriesIn(refused), signal);
    for (const { pk, entry } of refused) {
      const row = doneIn(entry);
      if (row !== undefined) verdicts.set(pk, { written: false, row });
    }
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
type ItemChange = Change & { pk: string; entry: Entry | undefined; replaced: Row | undefined };

function entriesIn(all: readonly { entry: Entry | undefined }[]): Entry[] {
  return all.flatMap(({ entry }) => entry ?? []);
}

/** What the set says of an event, as the row that would say the same. */
function doneIn(entry: Entry | undefined): Row | undefined {
  if (entry?.problem !== undefined) return entry.problem;
  const other = entry && otherIn(entry);
  if (other !== undefined) return other;
  return entry?.own ? { state: "done", rev: "", digest: entry.asked } : undefined;
}

/**
 * Another event of this id, even if the set has both: then they were completed at the same moment, and
 * nobody may have heard of it yet.
 */
function otherIn({ other }: Entry): Done | undefined {
  return other === undefined ? undefined : { state: "done", rev: "", digest: other };
}

function parted<One>(all: readonly One[], test: (one: One) => boolean): [One[], One[]] {
  return [all.filter(test), all.filter((one) => !test(one))];
}

/** Waits for all even if one fails, so that nothing is still being written then. */
async function together(...jobs: (() => Promise<void>)[]): Promise<void> {
  await inParallel(jobs, jobs.length, (job) => job());
}

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
