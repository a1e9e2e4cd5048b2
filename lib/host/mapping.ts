/** Limits and defaults of Lambda's event source mapping for Amazon MQ ("Amazon MQ parameters"). */
export const DEFAULT_BATCH = 100;
export const MAX_BATCH = 10_000;
export const MAX_WINDOW_S = 300;

const DEFAULT_WINDOW_MS = 500;

/** ms. osls drops a zero, so that Lambda's default applies. */
export function windowMsOf(maximumBatchingWindow: number | undefined): number {
  return maximumBatchingWindow ? maximumBatchingWindow * 1_000 : DEFAULT_WINDOW_MS;
}
