import { LRUCache } from "lru-cache";

/** Creating a format is expensive. The data choose the currency, so the number of formats is unbounded. */
const formats = new LRUCache<string, Intl.NumberFormat>({ max: 500 });

/**
 * An amount in major units, a number or a decimal such as "12.50", as the locale writes it. Throws
 * RangeError for what is no currency.
 */
export function money(amount: number | string, currency: string, locale: string): string {
  const key = `${locale} ${currency}`;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(locale, { style: "currency", currency });
    formats.set(key, format);
  }
  // As text: a number would lose digits.
  return format.format(amount as Intl.StringNumericLiteral);
}
