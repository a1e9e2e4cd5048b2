/** Messages side by side come to the same point within some ms of each other (`npm run bench -- mail`). */
const GATHER_MS = 4;

/**
 * Turns calls about one item each into calls about many: what is asked within some ms, or while a call
 * is under way, goes together in the next one, of at most `largest` items. A failed call fails all
 * whose items it had. Of two items with one key the second waits for the first.
 */
export function coalesced<Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
  { keyOf, largest }: { keyOf: (item: Item) => string; largest: number },
): (item: Item) => Promise<Result> {
  type Asked = { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void };
  let waiting: Asked[] = [];
  let running = false;

  async function run(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
      await ask(take());
    }
    running = false;
  }

  /** The oldest of each key. */
  function take(): Asked[] {
    const taken = new Map<string, Asked>();
    waiting = waiting.filter((asked) => {
      const key = keyOf(asked.item);
      if (taken.size === largest || taken.has(key)) return true;
      taken.set(key, asked);
      return false;
    });
    return [...taken.values()];
  }

  async function ask(asked: readonly Asked[]): Promise<void> {
    try {
      const results = await work(asked.map(({ item }) => item));
      asked.forEach(({ resolve }, index) => resolve(results[index]!));
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!running) void run();
    });
}
