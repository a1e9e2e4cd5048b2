import { partitionKey } from "../../lib/ledger/ledger.ts";
import { mergeByStamp, reusedAmong } from "../stamped.ts";

/**
 * The directory's port: what functions have to know about people, orders and tickets to write to
 * somebody. Documents are found by (tenant, kind, id), and each field has the stamp of the event that
 * said it (`provenStamp`, kit/stamped.ts): of two values the newer stamp's stands, so that changes may
 * come in any order and any number of times. Nothing expires.
 *
 * contact.ts and parties.ts say what is in the documents; tests/contract/directory.ts is the suite
 * each implementation passes. Calls throw DirectoryUnavailableError, which is an outage.
 */
export type Directory = {
  /** One document or `undefined` per key, in order; consistent reads. A key may come twice. */
  read(keys: readonly Key[], signal: AbortSignal): Promise<(Document | undefined)[]>;
  /**
   * Merges each change into its document, which is made if there is none. Keys may come several
   * times. Two that merge into one document at the same time lose nothing of each other. Returns
   * those changes that were left out.
   */
  merge(changes: readonly Change[], signal: AbortSignal): Promise<LeftOut[]>;
  /** Proves that documents can be written now, or throws. */
  probe(signal: AbortSignal): Promise<void>;
};

export type Key = { tenant: string; kind: Kind; id: string };
type Kind = "user" | "address" | "order" | "ticket";

export type Document = Readonly<Record<string, Field>>;
/** `value` is JSON; null says that there is none. */
export type Field = { stamp: string; value: unknown };
export type Change = { key: Key; fields: Document };

/**
 * Too large: with all others of the same document, because it would become larger than
 * MAX_DOCUMENT_BYTES. Id reused: a field of the document is of another event with this id.
 */
export type LeftOut = { change: Change; why: "too large" | "id reused" };

/** Of a document as JSON. DynamoDB's items end at 400 KB, with their keys. */
export const MAX_DOCUMENT_BYTES = 350_000;

type Merged = {
  /** What is to be written, and its JSON; absent if the changes say nothing newer. */
  next?: { document: Document; body: string };
  /** The changes that are in `next`, or in the standing document. */
  taken: Change[];
  leftOut: LeftOut[];
};

/** The newer of each field. All changes are of this document. */
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
