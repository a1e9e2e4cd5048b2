const RFC_3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** The first instant a four-digit year cannot name. */
const YEAR_10000 = Date.UTC(10_000, 0);

/**
 * An RFC 3339 time as fixed-width UTC with microseconds (`2026-11-21T10:00:00.500000Z`), so that
 * strings compare as instants do; finer digits are cut off. `undefined` for everything else: dates
 * that do not exist, leap seconds, and years before 1970 (the zero time of a producer that set none).
 */
export function fixedWidthUtc(text: string): string | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "", sign, offHour, offMinute] = match;

  if (+month! < 1 || +month! > 12 || +day! < 1 || +day! > daysIn(+year!, +month!)) return undefined;
  if (+hour! > 23 || +minute! > 59 || +second! > 59) return undefined;

  // An offset may bring the last hours of 1969 into 1970.
  if (+year! < (sign === undefined ? 1970 : 1969)) return undefined;

  const micros = fraction.padEnd(6, "0").slice(0, 6);
  if (sign === undefined) return `${year}-${month}-${day}T${hour}:${minute}:${second}.${micros}Z`;

  if (+offHour! > 23 || +offMinute! > 59) return undefined;
  const local = Date.UTC(+year!, +month! - 1, +day!, +hour!, +minute!, +second!);
  const offset = (+offHour! * 60 + +offMinute!) * (sign === "-" ? -60_000 : 60_000);
  const utc = local - offset;
  if (utc < 0 || utc >= YEAR_10000) return undefined;
  return `${new Date(utc).toISOString().slice(0, 19)}.${micros}Z`;
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
}

/** Epoch ms as fixed-width UTC. */
export function utcOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000Z`;
}
