import { hash } from "node:crypto";
import {
  type AttributeValue,
  DynamoDBServiceException,
  type DynamoDBClient,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { LRUCache } from "lru-cache";
import * as z from "zod";
import { inParallel } from "../async/in-parallel.ts";
import {
  type dynamoBatches,
  type Item,
  PARALLEL_REQUESTS,
  pauseBetween,
} from "../dynamo/client.ts";
import {
  type Asked,
  keyText,
  partitionKey,
  RETENTION_DAYS,
  type Unreadable,
  unreadable,
} from "./ledger.ts";
import { type Slot, slotOf } from "./slot.ts";

/**
 * What is done, as sets: an item ("page") for some seconds of the time inside the ids, instead of a row
 * for each event. A page is a binary set that only grows. Each of its elements is what one request
 * added: entries of 16 bytes of SHA-256(tenant, source, id) and 8 characters of the digest.
 *
 * A full page stays as it is, and what comes then goes to the next level: level n divides the slot
 * into 2^n pages, by the time inside the ids and below it by the bits of the hash. So an event has
 * one page on each level. Its entry is in the first of them that was not full, and a reader reads on as
 * long as pages are full. Whoever adds to a page that was full already adds to the next level too:
 * there the others look for two events with one id.
 */
export function doneSetsIn({
  client,
  batches,
  table,
  consumer,
  now,
  random,
}: {
  client: DynamoDBClient;
  batches: ReturnType<typeof dynamoBatches>;
  table: string;
  consumer: string;
  /** Epoch ms. */
  now: () => number;
  /** In [0, 1). */
  random: () => number;
}) {
  /** What this process has last seen of each page. Until a page expires all of it only grows. */
  const pages = new LRUCache<string, Known>({ max: 10_000 });
  /**
   * By `keyText`: the place of an event of which no entry was found, so that `add` begins where the last
   * `find` ended. The full pages above it have no entry of this id, and never get one that counts.
   */
  const places = new LRUCache<string, Place>({ max: 10_000, ttl: PLACE_MS });

  /** Where the event's entry belongs; `undefined`: its id has no time, so the event has a row. */
  function entryOf({ key, digest }: Pick<Asked, "key" | "digest">): Entry | undefined {
    const name = keyText(key);
    let place = places.get(name);
    if (place === undefined) {
      const slot = slotOf(key.id);
      if (slot === undefined) return undefined;
      const root = partitionKey("", consumer, key.tenant, String(slot.start));
      place = placeOf(name, root, slot);
    }
    const text = digest.slice(0, DIGEST).padEnd(DIGEST, "\0");
    const seen = { marked: false, own: false, other: undefined, problem: undefined };
    return { ...place, asked: digest, digest: text, ...seen };
  }

  /** Looks the entries up on their paths: which are there, and on which level each path ends. */
  async function find(entries: readonly Entry[], signal: AbortSignal): Promise<void> {
    for (const entry of entries) entry.level = 0;
    await walk(entries, signal);
    for (const entry of entries) {
      const { name, root, hash: text, head, slot, level } = entry;
      if (isUnknown(entry)) places.set(name, { name, root, hash: text, head, slot, level });
      else places.delete(name);
    }
  }

  async function walk(entries: readonly Entry[], signal: AbortSignal): Promise<void> {
    const read = new Map<string, Page>();
    for (let open = [...entries]; open.length > 0;) {
      const pks = new Set<string>();
      for (const entry of open) for (const pk of aheadOf(entry)) if (!read.has(pk)) pks.add(pk);
      for (const pk of pks) read.set(pk, emptyPage);
      for (const item of await batches.read([...pks], signal)) {
        read.set(item["pk"]!.S!, readPage(item, now()));
      }
      for (const pk of pks) pages.set(pk, read.get(pk)!);

      const groups = Map.groupBy(open, pkOf);
      open = [];
      for (const [pk, group] of groups) {
        const page = read.get(pk)!;
        seek(page, group);
        for (const entry of group) {
          if (entry.level === 0) entry.marked = page.rows;
          // Another event's entry is no answer yet: the own one may follow.
          if (page.bytes < PAGE_BYTES || entry.own || entry.problem) continue;
          entry.level += 1;
          open.push(entry);
        }
      }
    }
  }

  /** The entry's page, and those below it as far as they are known to be needed. */
  function aheadOf({ ...entry }: Entry): string[] {
    const pks = [pkOf(entry)];
    while ((pages.get(pks.at(-1)!)?.bytes ?? 0) >= PAGE_BYTES) {
      entry.level += 1;
      pks.push(pkOf(entry));
    }
    return pks;
  }

  /**
   * Adds the entries, level by level. One that has seen another event's entry in the end came later
   * than that. Each request is repeated until it is carried out; throws what no repeat can mend.
   */
  async function add(entries: readonly Entry[], signal: AbortSignal): Promise<void> {
    const unsought = entries.filter(({ name }) => !places.has(name));
    await find(unsought, signal);
    for (let open = entries.filter(isUnknown); ;) {
      const strange = entries.find(({ problem }) => problem !== undefined);
      if (strange !== undefined) throw new Error(strange.problem!.error);
      if (open.length === 0) break;
      await keepAbove(open, signal);
      const further: Entry[] = [];
      await inParallel([...Map.groupBy(open, pkOf)], PARALLEL_REQUESTS, async ([pk, group]) => {
        further.push(...(await addTo(pk, group, signal)));
      });
      open = further;
    }
    for (const { name } of entries) places.delete(name);
  }

  /** Pages above must not expire before those below them: nobody would look there. */
  async function keepAbove(entries: readonly Entry[], signal: AbortSignal): Promise<void> {
    const above = new Set<string>();
    for (const { ...entry } of entries) {
      while (entry.level > 0) {
        entry.level -= 1;
        above.add(pkOf(entry));
      }
    }
    await keep([...above], { rows: false }, signal);
  }

  /** Says on the first page of each entry that rows of its slot may exist. */
  async function mark(entries: readonly Entry[], signal: AbortSignal): Promise<void> {
    await keep([...new Set(entries.map(({ root }) => root))], { rows: true }, signal);
  }

  /** Writes to those pages that may expire before what is written now, or lack the mark. */
  async function keep(
    pks: readonly string[],
    { rows }: { rows: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const enough = expiry(now(), RETENTION_DAYS);
    const due = pks.filter((pk) => {
      const known = pages.get(pk);
      return known === undefined || known.expires < enough || (rows && !known.rows);
    });
    await inParallel(due, PARALLEL_REQUESTS, async (pk) => {
      const expires = expiry(now(), PAGE_DAYS);
      await update(
        pk,
        rows
          ? {
              UpdateExpression: "SET expires = :e, #rows = :rows",
              ExpressionAttributeNames: { "#rows": "rows" },
              ExpressionAttributeValues: { ":e": numeric(expires), ":rows": { BOOL: true } },
            }
          : {
              UpdateExpression: "SET expires = :e",
              ExpressionAttributeValues: { ":e": numeric(expires) },
            },
        signal,
      );
      const { bytes = 0, rows: marked = false } = pages.get(pk) ?? {};
      pages.set(pk, { bytes, expires, rows: rows || marked });
    });
  }

  /** Returns those that have to be added once more, to the next level or to this one. */
  async function addTo(
    pk: string,
    entries: readonly Entry[],
    signal: AbortSignal,
  ): Promise<Entry[]> {
    // In one order, so that a repeat is the same element and changes nothing.
    const group = entries.toSorted((a, b) => (a.hash < b.hash ? -1 : 1));
    const room = PAGE_BYTES - (pages.get(pk)?.bytes ?? 0);
    const fitting = group.slice(0, Math.max(1, Math.ceil(room / ENTRY)));
    const element = bytesOf(fitting);
    const expires = expiry(now(), PAGE_DAYS);
    const addition: Update = {
      UpdateExpression: "ADD done :b SET expires = :e",
      ExpressionAttributeValues: { ":b": { BS: [element] }, ":e": numeric(expires) },
      ReturnValues: "UPDATED_OLD",
    };
    const answer = await update(pk, addition, signal).catch(async (error: unknown) => {
      if (!(error instanceof DynamoDBServiceException && error.name === "ValidationException"))
        throw error;
      // The store takes no larger item. Then whoever reads the page sees that it is full.
      await walk(group, signal);
      if (group.some((entry) => isUnknown(entry) && pkOf(entry) === pk)) throw error;
      return undefined;
    });
    if (answer === undefined) return group.filter(isUnknown);

    const { old } = answer;
    const before =
      old === undefined ? emptyPage : readPage({ ...old, expires: numeric(expires) }, 0);
    seek(before, group);
    const isRepeat = before.elements.some((each) => each.equals(element));
    const bytes = before.bytes + (isRepeat ? 0 : element.length);
    pages.set(pk, { bytes, expires, rows: old !== undefined && pages.get(pk)?.rows === true });
    if (before.bytes >= PAGE_BYTES) return lower(group.filter(({ other }) => other === undefined));
    const rest = group.slice(fitting.length).filter(isUnknown);
    return bytes >= PAGE_BYTES ? lower(rest) : rest;
  }

  /** Until it is carried out, or no repeat can help. Returns what was there before. */
  async function update(
    pk: string,
    how: Update,
    signal: AbortSignal,
  ): Promise<{ old: Item | undefined }> {
    const pause = pauseBetween(random, signal);
    for (;;) {
      const command = new UpdateItemCommand({ TableName: table, Key: { pk: { S: pk } }, ...how });
      try {
        const { Attributes: old } = await client.send(command, { abortSignal: signal });
        return { old };
      } catch (error) {
        if (signal.aborted || isFinal(error)) throw error;
      }
      await pause();
    }
  }

  return { entryOf, find, add, mark };
}

/** Bytes of entries from which on a page is full: with its key it is 8 KB, 8 write units. */
const PAGE_BYTES = 8_000;
/** Parts of an entry, bytes. */
const HASH = 16;
const DIGEST = 8;
const ENTRY = HASH + DIGEST;
/** A day more than rows: a page above others, and a mark, is written again only after a day. */
const PAGE_DAYS = RETENTION_DAYS + 1;
/** The longest time-out of a function, and so the longest way from `find` to `add`. */
const PLACE_MS = 15 * 60_000;

/** `bytes` are those of the entries; `expires` is in epoch s; `rows`: rows of the slot may exist. */
type Known = { bytes: number; expires: number; rows: boolean };

type Page = Known & { elements: readonly Buffer[]; problem: Unreadable | undefined };

const emptyPage: Page = { bytes: 0, expires: 0, rows: false, elements: [], problem: undefined };

type Place = {
  name: string;
  /** The key of the page of level 0. */
  root: string;
  /** latin1 */
  hash: string;
  /** The first 32 bits of `hash`. */
  head: number;
  slot: Slot;
  level: number;
};

/** One event on its way through the pages, and what it has met there. */
export type Entry = Place & {
  asked: string;
  /** As much of the digest as is kept. */
  digest: string;
  /** Rows of its slot may exist. */
  marked: boolean;
  own: boolean;
  /** The digest, or the beginning of it, of another event of this id. */
  other: string | undefined;
  problem: Unreadable | undefined;
};

function isUnknown({ own, other, problem }: Entry): boolean {
  return !own && other === undefined && problem === undefined;
}

type Update = Omit<UpdateItemCommandInput, "TableName" | "Key">;

function placeOf(name: string, root: string, slot: Slot): Place {
  const text = hash("sha256", name, "binary").slice(0, HASH);
  const head = Buffer.from(text, "latin1").readUInt32BE();
  return { name, root, hash: text, head, slot, level: 0 };
}

/** The entry's page on its level. */
function pkOf({ root, level, slot: { part, bits }, head }: Place): string {
  if (level === 0) return root;
  const time = Math.min(level, bits);
  const rest = Math.min(level - time, 32);
  const number =
    Math.floor(part / 2 ** (bits - time)) * 2 ** rest + Math.floor(head / 2 ** (32 - rest));
  return `${root}#${level}#${number}`;
}

function lower(entries: Entry[]): Entry[] {
  for (const entry of entries) entry.level += 1;
  return entries;
}

/** Notes in the entries which of them, or of their ids, are on the page. */
function seek({ elements, problem }: Page, entries: readonly Entry[]): void {
  const byHead = new Map<number, Entry[]>();
  for (const entry of entries) {
    if (problem !== undefined) entry.problem = problem;
    const same = byHead.get(entry.head);
    if (same === undefined) byHead.set(entry.head, [entry]);
    else same.push(entry);
  }
  for (const element of elements) {
    for (let at = 0; at < element.length; at += ENTRY) {
      const alike = byHead.get(element.readUInt32BE(at));
      if (alike === undefined) continue;
      const text = element.toString("latin1", at, at + HASH);
      const digest = element.toString("latin1", at + HASH, at + ENTRY);
      for (const entry of alike) {
        if (entry.hash !== text) continue;
        if (entry.digest === digest) entry.own = true;
        else entry.other = digest;
      }
    }
  }
}

function bytesOf(entries: readonly Entry[]): Buffer {
  const bytes = Buffer.alloc(entries.length * ENTRY);
  entries.forEach((entry, index) => {
    bytes.write(entry.hash + entry.digest, index * ENTRY, "latin1");
  });
  return bytes;
}

/** `now` is epoch ms. A page past its time is empty, as DynamoDB may remove it at any moment. */
function readPage(item: Item, now: number): Page {
  const { data, error } = attributes.safeParse(item);
  if (error !== undefined) return { ...emptyPage, problem: unreadable("", error) };
  const expires = Number(data.expires.N);
  if (expires * 1_000 <= now) return emptyPage;
  const elements = data.done.BS.map((each) =>
    Buffer.from(each.buffer, each.byteOffset, each.length),
  );
  const bytes = elements.reduce((sum, { length }) => sum + length, 0);
  return { bytes, expires, rows: data.rows.BOOL, elements, problem: undefined };
}

const attributes = z.object({
  done: z
    .object({
      BS: z.array(z.instanceof(Uint8Array).refine(({ length }) => length % ENTRY === 0)),
    })
    .default({ BS: [] }),
  expires: z.object({ N: z.string() }),
  rows: z.object({ BOOL: z.boolean() }).default({ BOOL: false }),
});

/** Epoch s. */
function expiry(now: number, days: number): number {
  return Math.floor(now / 1_000) + days * 86_400;
}

function numeric(value: number): AttributeValue {
  return { N: String(value) };
}

/** What the client did wrong it does wrong again; throttling passes. */
function isFinal(error: unknown): boolean {
  return (
    error instanceof DynamoDBServiceException &&
    error.$fault === "client" &&
    !error.name.includes("Thr")
  );
}
