import * as z from "zod";

const KNOWN = new Set(Intl.supportedValuesOf("currency"));
const exponents = new Map<string, number>();

/** ISO 4217. */
export const currency = z
  .string()
  .refine((code) => KNOWN.has(code), "must be an ISO 4217 currency code, such as UAH");

const DECIMAL = /^\d{1,15}(\.\d{1,20})?$/;
const NO_AMOUNT = "must be a decimal amount, not negative, such as 12.50";

/**
 * An amount in major units, as producers write it: 12.5 or "12.50". A number is read as its shortest
 * decimal form, so the arithmetic is free of binary fractions.
 */
export const amount = z.union(
  [
    z.string().regex(DECIMAL, NO_AMOUNT),
    z.number().refine((number) => DECIMAL.test(String(number)), NO_AMOUNT),
  ],
  { error: NO_AMOUNT },
);

type Amount = z.output<typeof amount> | undefined;

/** Whole minor units, rounded half to even, and whether the result is exact. */
type Minor = { units: number; exact: boolean };

/** Exact decimal arithmetic; `undefined` if the result is not a safe integer. */
export function toMinor(value: number | string, code: string): Minor | undefined {
  const [whole = "", fraction = ""] = String(value).split(".");
  const digits = exponentOf(code);
  const kept = Number(whole + fraction.slice(0, digits).padEnd(digits, "0"));
  const rest = fraction.slice(digits);

  const units = kept + (roundsUp(rest, kept) ? 1 : 0);
  return Number.isSafeInteger(units) ? { units, exact: !/[1-9]/.test(rest) } : undefined;
}

/** A sum of money must be exact. Adds an issue to the calling schema otherwise. */
export function exactMinor(
  value: number | string,
  code: string,
  path: PropertyKey[],
  context: z.core.$RefinementCtx,
): number {
  const minor = toMinor(value, code);
  if (minor?.exact === true) return minor.units;
  context.addIssue({
    code: "custom",
    path,
    message: minor === undefined ? "is too large" : `is no whole number of minor units of ${code}`,
  });
  return 0;
}

/** A unit price may be finer than its currency; it is rounded half to even. */
export function roundedMinor(
  value: number | string,
  code: string,
  path: PropertyKey[],
  context: z.core.$RefinementCtx,
): number {
  const minor = toMinor(value, code);
  if (minor === undefined) context.addIssue({ code: "custom", path, message: "is too large" });
  return minor?.units ?? 0;
}

/**
 * For an object with an optional amount: the parsed object also has `amount_minor`. Only Warren derives it;
 * a producer's field of that name is ignored.
 */
export function withMinor<T extends { amount?: Amount; currency?: string | undefined }>(
  given: T,
  context: z.core.$RefinementCtx,
): T & { amount_minor?: number } {
  const money: T & { amount_minor?: number } = { ...given };
  delete money.amount_minor;
  if (money.amount === undefined) return money;
  if (money.currency === undefined) {
    context.addIssue({ code: "custom", path: ["currency"], message: "is required with amount" });
    return money;
  }
  return { ...money, amount_minor: exactMinor(money.amount, money.currency, ["amount"], context) };
}

/** Digits after the point: 2 for UAH, 0 for JPY, 3 for KWD. */
function exponentOf(code: string): number {
  let digits = exponents.get(code);
  if (digits === undefined) {
    const format = new Intl.NumberFormat("en", { style: "currency", currency: code });
    digits = format.resolvedOptions().maximumFractionDigits ?? 2;
    exponents.set(code, digits);
  }
  return digits;
}

function roundsUp(rest: string, kept: number): boolean {
  if (rest === "" || rest < "5") return false;
  const half = /^50*$/.test(rest);
  return half ? kept % 2 === 1 : true;
}
