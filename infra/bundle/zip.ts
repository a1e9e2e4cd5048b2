import { zipSync, type Zippable } from "fflate";

/** World-readable: Lambda runs as another user. */
const UNIX = 3;
const READABLE = 0o100644 << 16;

/**
 * The files as a zip, sorted by path. fflate compresses in JavaScript: the same files give the same bytes
 * with every Node release, so that a deploy skips unchanged functions.
 */
export function zipOf(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  // The first date that a zip can hold. Zips use local time, so the bytes are the same in every zone.
  const mtime = new Date(1980, 0, 1);
  const sorted = Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const entries = sorted.map(([path, bytes]): [string, Zippable[string]] => [
    path,
    [bytes, { level: 9, mtime, os: UNIX, attrs: READABLE }],
  ]);
  return zipSync(Object.fromEntries(entries));
}
