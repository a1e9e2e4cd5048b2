import type { Store } from "../../kit/qdrant/store.ts";

/** Other workers may be first between our look and our write, but not for ever. */
const ATTEMPTS = 20;

/** Tries what is left over again until nothing is. Every round at least one of several workers gets on. */
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
 * Reads back which of the points stand as they were written. The server does not say which writes it
 * skipped because the point was no longer what the guard expected.
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
  // Nearly always all of them, and one number says so.
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
