import {
  type Change,
  completeRows,
  type Key,
  type Ledger,
  partitionKey,
  readBody,
  RETENTION_DAYS,
  type Row,
  unreadable,
  type Verdict,
  writeBody,
} from "./ledger.ts";
import { chunksOf } from "../async/in-parallel.ts";
import type { RedisClient } from "./redis-client.ts";

/** Rows per command: Redis does nothing else meanwhile, and 500 of them are about a millisecond. */
const ROWS_PER_COMMAND = 500;

/**
 * The ledger as one string per row (`ledger#consumer#tenant#source#id`) on one Redis primary, which all
 * consumers and other data may share. A batch is one read and one script per 500 rows, all sent
 * at once. Time is Redis' own: a row expires there 30 days after it was written, whatever the clocks
 * of the consumers say. Calls take at most LEDGER_MS; they throw LedgerUnavailableError.
 *
 * Redis answers before its replicas, and by default before its disk, have a write: a power cut or a
 * failover may lose the last ones. Such a row reads as absent, and then the sink's proof alone keeps
 * the effect single; redis-keeping.ts says for whom that is not enough.
 */
export function redisLedger({
  client,
  consumer,
}: {
  client: RedisClient;
  consumer: string;
}): Ledger {
  const nameOf = ({ tenant, source, id }: Key) =>
    partitionKey("ledger", consumer, tenant, source, id);

  return {
    look: (events) =>
      inChunks(
        events.map(({ key }) => nameOf(key)),
        async (names) => (await client.run((redis) => redis.mget(names))).map(standing),
      ),
    swap,
    complete: completeRows(swap),
  };

  async function swap(changes: readonly Change[]): Promise<Verdict[]> {
    const writes = changes.map((change): StringChange => ({ ...change, name: nameOf(change.key) }));
    if (new Set(writes.map(({ name }) => name)).size < writes.length) {
      throw new Error("a swap was given two changes of one key");
    }
    return inChunks(writes, swapChunk);
  }

  async function swapChunk(writes: readonly StringChange[]): Promise<Verdict[]> {
    const names = writes.map(({ name }) => name);
    const revs = writes.map(({ over }) => over?.rev ?? "");
    const rows = writes.map(({ to }) => (to === undefined ? "" : writeRow(to)));
    const refused = await client.run((redis) =>
      redis.eval(SWAP, writes.length, ...names, SECONDS, ...revs, ...rows),
    );

    const verdicts = writes.map((): Verdict => ({ written: true }));
    for (const [index, row] of refused as [number, string | null][]) {
      verdicts[index - 1] = { written: false, row: standing(row) };
    }
    return verdicts;
  }
}

/** On one connection, so that all chunks are under way at once; none is left when it returns. */
async function inChunks<Item, Result>(
  items: readonly Item[],
  work: (chunk: Item[]) => Promise<Result[]>,
): Promise<Result[]> {
  const results = await Promise.allSettled(chunksOf(ROWS_PER_COMMAND, items).map(work));
  return results.flatMap((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

type StringChange = Change & { name: string };

function standing(text: string | null): Row | undefined {
  return text === null ? undefined : readRow(text);
}

const SECONDS = RETENTION_DAYS * 86_400;

/**
 * Compares and swaps in one step. KEYS are rows; ARGV is the seconds they are kept, then the `rev`
 * that each has to have (empty: none may stand), then what each becomes (empty: removed). Returns
 * those that were refused, by index, with the row that stands. What already is as it should
 * become, by its `rev`, is our own write, sent again because its answer was lost.
 */
const SWAP = `
local count, refused = #KEYS, {}
local rows = redis.call('MGET', unpack(KEYS))
local function rev(row) return row and string.match(row, '^[^ ]*') or '' end
for i = 1, count do
  local found, to = rev(rows[i]), ARGV[1 + count + i]
  if found ~= rev(to) then
    if found ~= ARGV[1 + i] then refused[#refused + 1] = {i, rows[i]}
    elseif to == '' then redis.call('DEL', KEYS[i])
    else redis.call('SET', KEYS[i], to, 'EX', ARGV[1]) end
  end
end
return refused`;

/**
 * One row as a string: its `rev`, a blank, and the rest. Of a done row, which nearly all rows are and
 * stay for their 30 days, that is the digest and nothing else; of others it is JSON.
 */
export function writeRow(row: Row): string {
  return `${row.rev} ${row.state === "done" ? row.digest : writeBody(row)}`;
}

export function readRow(text: string): Row {
  const blank = text.indexOf(" ");
  const [rev, body] = [text.slice(0, blank), text.slice(blank + 1)];
  if (blank < 1 || body === "") return unreadable("", "it has no rev or no body");
  return body.startsWith("{") ? readBody(rev, body) : { state: "done", rev, digest: body };
}
