import { partitionKey } from "../../lib/ledger/ledger.ts";
import { mergeByStamp } from "../stamped.ts";

/**
 * The directory's port: what functions have to know about people, orders and tickets to write to
 * somebody. Documents are found by (tenant, kind, id), and each field has the stamp of the event that
 * said it (`stampOf`, lib/envelope/envelope.ts): of two values the newer stamp's stands, so that changes may
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
   * those changes that were left out, with all others of the same document, because it would
   * become larger than MAX_DOCUMENT_BYTES.
   */
  merge(changes: readonly Change[], signal: AbortSignal): Promise<Change[]>;
  /** Proves that documents can be written now, or throws. */
  probe(signal: AbortSignal): Promise<void>;
};

export type Key = { tenant: string; kind: Kind; id: string };
type Kind = "user" | "address" | "order" | "ticket";

export type Document = Readonly<Record<string, Field>>;
/** `value` is JSON; null says that there is none. */
export type Field = { stamp: string; value: unknown };
export type Change = { key: Key; fields: Document };

/** Of a document as JSON. DynamoDB's items end at 400 KB, with their keys. */
export const MAX_DOCUMENT_BYTES = 350_000;

/** The newer of each field. Undefined if `changes` says nothing newer. */
export function merged(
  standing: Document | undefined,
  changes: readonly Document[],
): Document | undefined {
  const next = mergeByStamp([standing ?? {}, ...changes]);
  const isChanged = Object.entries(next).some(([name, field]) => standing?.[name] !== field);
  return isChanged ? next : undefined;
}

/** The text by which a document is found: kind#tenant#id. */
export function textOf({ kind, ...key }: Key): string {
  return partitionKey(kind, key.tenant, key.id);
}
