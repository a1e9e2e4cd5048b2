/**
 * Processes the items, at most `limit` at a time. After a failure it starts no other item, waits for
 * those that run, and then throws the first failure. So nothing is still running when it rejects.
 */
export async function inParallel<Item>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  const waiting = items.values();

  async function worker(): Promise<void> {
    for (const item of waiting) {
      if (failures.length > 0) return;
      await work(item).catch((error: unknown) => failures.push(error));
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}

/** `[1, 2, 3]` by 2 is `[[1, 2], [3]]`. */
export function chunksOf<Item>(size: number, items: readonly Item[]): Item[][] {
  const chunks: Item[][] = [];
  for (let start = 0; start < items.length; start += size) {
    chunks.push(items.slice(start, start + size));
  }
  return chunks;
}

/** Messages that run in parallel make the same call within a few ms (`npm run bench -- mail`). */
const GATHER_MS = 4;

/**
 * Combines calls with one item each into calls with many. Items that arrive within a few ms, or while
 * `inFlight` calls are running, share the next call, of at most `largest` items. If a call fails, it
 * fails for all its items. Of two items with one key, the second waits for the first.
 */
export function coalesced<Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
  {
    keyOf,
    largest,
    inFlight,
  }: { keyOf: (item: Item) => string; largest: number; inFlight: number },
): (item: Item) => Promise<Result> {
  type Asked = { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void };
  let waiting: Asked[] = [];
  const busy = new Set<string>();
  let isGathering = false;
  let running = 0;

  function schedule(): void {
    if (isGathering || running >= inFlight || waiting.length === 0) return;
    isGathering = true;
    setTimeout(
      () => {
        isGathering = false;
        void run(take());
      },
      waiting.length < largest ? GATHER_MS : 0,
    );
  }

  /** The oldest waiting item of each key that no running call has. */
  function take(): Asked[] {
    const taken: Asked[] = [];
    waiting = waiting.filter((asked) => {
      const key = keyOf(asked.item);
      if (taken.length === largest || busy.has(key)) return true;
      busy.add(key);
      taken.push(asked);
      return false;
    });
    return taken;
  }

  async function run(asked: readonly Asked[]): Promise<void> {
    // Running calls have the keys of all waiting items. Their end starts the next call.
    if (asked.length === 0) return;
    running += 1;
    schedule();
    try {
      const results = await work(asked.map(({ item }) => item));
      asked.forEach(({ resolve }, index) => resolve(results[index]!));
    } catch (error) {
      for (const { reject } of asked) reject(error);
    } finally {
      for (const { item } of asked) busy.delete(keyOf(item));
      running -= 1;
      schedule();
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      schedule();
    });
}
