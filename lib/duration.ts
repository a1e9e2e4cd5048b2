import * as z from "zod";

const UNITS = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

/** `500ms`, `5s`, `2m`, `1h` as milliseconds; at most 24 h, at least 1 ms. */
export const duration = z.string().transform((text, context) => {
  const [, amount, unit] = /^(\d{1,8})(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(amount) * UNITS[(unit ?? "ms") as keyof typeof UNITS];

  if (ms >= 1 && ms <= 24 * 3_600_000) return ms;
  context.addIssue("must be a duration from 1ms to 24h, such as 500ms, 5s, 2m or 1h");
  return z.NEVER;
});

/** Whole ms in the largest unit that divides them: 300000 is `5m`, 1500 is `1500ms`. */
export function durationText(ms: number): string {
  const [unit, size] = Object.entries(UNITS).find(([, length]) => ms % length === 0)!;
  return `${ms / size}${unit}`;
}
