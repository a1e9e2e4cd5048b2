import { LRUCache } from "lru-cache";

/** A format is costly to make. Data name the currency, so there may be any number of formats. */
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
  // As text: a number of many digits would lose some.
  return format.format(amount as Intl.StringNumericLiteral);
}
