import { zipSync, type Zippable } from "fflate";

/** A file that everybody may read, as Lambda's own user must. */
const UNIX = 3;
const READABLE = 0o100644 << 16;

/**
 * The files as a zip, in the order of their paths. fflate compresses in JavaScript: the same files
 * give the same bytes whatever zlib a Node release brings, so that what has not changed is not deployed.
 */
export function zipOf(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  // The first date that a zip can hold, in local time as zips are: the same bytes in every zone.
  const mtime = new Date(1980, 0, 1);
  const sorted = Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const entries = sorted.map(([path, bytes]): [string, Zippable[string]] => [
    path,
    [bytes, { level: 9, mtime, os: UNIX, attrs: READABLE }],
  ]);
  return zipSync(Object.fromEntries(entries));
}
