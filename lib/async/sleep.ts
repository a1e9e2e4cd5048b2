/**
 * Resolves after `ms`, or rejects with the signal's reason. Most sleeps here are cut short because
 * nobody needs them any more: Node's own makes an error, with its stack, of each.
 */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(ended, ms);
    signal.addEventListener("abort", aborted, { once: true });

    function ended(): void {
      signal.removeEventListener("abort", aborted);
      resolve();
    }
    function aborted(): void {
      clearTimeout(timer);
      reject(signal.reason);
    }
  });
}
