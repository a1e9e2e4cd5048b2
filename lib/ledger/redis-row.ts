import type { Row } from "./ledger.ts";
import { readBody, writeBody } from "./row-body.ts";

/**
 * One row as a string: its `rev`, a blank, and the rest. Of a done row, which nearly all rows are and
 * stay for their 30 days, that is the digest and nothing else; of others it is JSON.
 */
export function writeRow(row: Row): string {
  return `${row.rev} ${row.state === "done" ? row.digest : writeBody(row)}`;
}

/** Throws on what `writeRow` never wrote: a row must never be taken for absent. */
export function readRow(text: string): Row {
  const blank = text.indexOf(" ");
  const [rev, body] = [text.slice(0, blank), text.slice(blank + 1)];
  if (blank < 1 || body === "") throw new Error("a row of the ledger cannot be read");
  return body.startsWith("{") ? readBody(rev, body) : { state: "done", rev, digest: body };
}
