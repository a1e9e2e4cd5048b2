/** Epoch ms at which the clock starts. */
export const START = 1_000_000;

/** A clock that moves on only when everything waits for it. */
export function fakeClock() {
  let time = START;
  const sleepers = new Set<{ due: number; wake: () => void }>();

  function advance(ms: number): void {
    time += ms;
    for (const sleeper of sleepers) {
      if (sleeper.due > time) continue;
      sleepers.delete(sleeper);
      sleeper.wake();
    }
  }

  function sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { due: time + ms, wake: resolve };
      sleepers.add(sleeper);
      signal.addEventListener("abort", () => {
        sleepers.delete(sleeper);
        reject(new Error("sleep interrupted"));
      });
    });
  }

  /** Waits for the work; whenever it waits for time alone, time goes on. */
  async function drive<T>(work: Promise<T>): Promise<T> {
    let ended = false;
    work.then(
      () => (ended = true),
      () => (ended = true),
    );
    for (let idle = 0; !ended; idle++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (idle % 3 !== 2 || sleepers.size === 0) continue;
      advance(Math.min(...[...sleepers].map(({ due }) => due)) - time);
    }
    return work;
  }

  return { now: () => time, sleep, advance, drive };
}
