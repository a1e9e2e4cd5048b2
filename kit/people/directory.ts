import { partitionKey } from "../../lib/ledger/ledger.ts";
import { mergeByStamp, reusedAmong } from "../stamped.ts";

/**
 * The directory's port: what functions need to know about people, orders and tickets to send messages.
 * The key of a document is (tenant, kind, id). Each field has the stamp of the event that set it
 * (`provenStamp`, kit/stamped.ts). The value with the newer stamp wins, so changes may come in any order
 * and any number of times. Nothing expires.
 *
 * contact.ts and parties.ts say what is in the documents; tests/contract/directory.ts is the suite
 * each implementation passes. Calls throw DirectoryUnavailableError, which is an outage.
 */
export type Directory = {
  /** One document or `undefined` per key, in order; consistent reads. Keys may repeat. */
  read(keys: readonly Key[], signal: AbortSignal): Promise<(Document | undefined)[]>;
  /**
   * Merges each change into its document, and creates missing documents. Keys may repeat. Concurrent
   * merges into one document lose nothing. Returns the changes that were left out.
   */
  merge(changes: readonly Change[], signal: AbortSignal): Promise<LeftOut[]>;
  /** Throws unless documents can be written now. */
  probe(signal: AbortSignal): Promise<void>;
};

export type Key = { tenant: string; kind: Kind; id: string };
type Kind = "user" | "address" | "order" | "ticket";

export type Document = Readonly<Record<string, Field>>;
/** `value` is JSON; null says that there is none. */
export type Field = { stamp: string; value: unknown };
export type Change = { key: Key; fields: Document };

/**
 * Too large: the document would exceed MAX_DOCUMENT_BYTES, so all its changes are left out. Id reused:
 * another event with this id has set a field of the document.
 */
export type LeftOut = { change: Change; why: "too large" | "id reused" };

/** Maximum of a document as JSON. DynamoDB's limit is 400 KB for an item with its keys. */
export const MAX_DOCUMENT_BYTES = 350_000;

type Merged = {
  /** The document to write, and its JSON; absent if no change is newer. */
  next?: { document: Document; body: string };
  /** The changes that `next` or the stored document contains. */
  taken: Change[];
  leftOut: LeftOut[];
};

/** Keeps the newer value of each field. All changes belong to this document. */
export function merged(standing: Document | undefined, changes: readonly Change[]): Merged {
  const stamps = stampsOf(standing ?? {});
  const taken: Change[] = [];
  const leftOut: LeftOut[] = [];
  for (const change of changes) {
    if (reusedAmong(stampsOf(change.fields), stamps).length === 0) taken.push(change);
    else leftOut.push({ change, why: "id reused" });
  }
  const document = mergeByStamp([standing ?? {}, ...taken.map(({ fields }) => fields)]);
  const isChanged = Object.entries(document).some(([name, field]) => standing?.[name] !== field);
  if (!isChanged) return { taken, leftOut };

  const body = JSON.stringify(document);
  if (Buffer.byteLength(body) <= MAX_DOCUMENT_BYTES) {
    return { next: { document, body }, taken, leftOut };
  }
  const tooLarge = taken.map((change): LeftOut => ({ change, why: "too large" }));
  return { taken: [], leftOut: [...leftOut, ...tooLarge] };
}

function stampsOf(document: Document): string[] {
  return Object.values(document).map(({ stamp }) => stamp);
}

/** The text by which a document is found: kind#tenant#id. */
export function textOf({ kind, ...key }: Key): string {
  return partitionKey(kind, key.tenant, key.id);
}
