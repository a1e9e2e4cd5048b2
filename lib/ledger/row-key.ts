import type { Key } from "./ledger.ts";

/** Parts are escaped, so that ("a#b", "c") and ("a", "b#c") are two keys. */
export function partitionKey(consumer: string, { tenant, id }: Key): string {
  return `${escaped(consumer)}#${escaped(tenant)}#${escaped(id)}`;
}

function escaped(part: string): string {
  return /[%#]/.test(part) ? part.replaceAll("%", "%25").replaceAll("#", "%23") : part;
}
