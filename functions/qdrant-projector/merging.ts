import type { Store } from "../../kit/qdrant/store.ts";

/** Another worker may write between this worker's read and write, but not this many times in a row. */
const ATTEMPTS = 20;

/** Repeats until nothing is left. In every round at least one of the competing workers succeeds. */
export async function mergeUntilConfirmed<Change>(
  changes: readonly Change[],
  mergeOnce: (open: readonly Change[]) => Promise<Change[]>,
): Promise<void> {
  let open = changes;
  for (let attempt = 1; attempt <= ATTEMPTS && open.length > 0; attempt += 1) {
    open = await mergeOnce(open);
  }
  if (open.length > 0) {
    throw new Error(`other workers were first with ${open.length} points, ${ATTEMPTS} times`);
  }
}

/**
 * Reads back which points were written. The server does not report the writes that it skipped because
 * the point's revision had changed.
 */
export async function confirmed(
  {
    store,
    collection,
    points,
  }: {
    store: Store;
    collection: string;
    points: readonly { id: string; payload: { revision: string } }[];
  },
  signal: AbortSignal,
): Promise<Set<string>> {
  const wanted = new Map(points.map(({ id, payload }) => [id, payload.revision]));
  if (wanted.size === 0) return new Set();
  // Nearly always all of them were written, and one count shows it.
  const all = { key: "revision", match: { any: [...wanted.values()] } };
  const standing = { must: [{ has_id: [...wanted.keys()] }, all] };
  if ((await store.count(collection, standing, signal)) === wanted.size) {
    return new Set(wanted.keys());
  }
  const found = await store.read<{ revision: string }>(
    collection,
    [...wanted.keys()],
    { only: ["revision"] },
    signal,
  );
  const mine = found.filter(({ id, payload }) => wanted.get(id) === payload.revision);
  return new Set(mine.map(({ id }) => id));
}
