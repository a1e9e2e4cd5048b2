import { expect, test } from "vitest";
import { amount, currency, toMinor } from "./money.ts";

test.each([
  [1000, "UAH", 100_000],
  ["1000.00", "UAH", 100_000],
  [19.99, "UAH", 1_999],
  ["1.1", "UAH", 110],
  [0.07, "USD", 7],
  [5, "JPY", 5],
  ["1.234", "KWD", 1_234],
  ["90071992547409.91", "UAH", 9_007_199_254_740_991],
])("writes %s %s as %s minor units", (value, code, units) => {
  expect(toMinor(value, code)).toEqual({ units, exact: true });
});

test.each([
  ["0.125", 12],
  ["0.135", 14],
  ["0.1350000001", 14],
  ["0.1250000001", 13],
  ["0.1249999999", 12],
  ["0.995", 100],
])("rounds %s UAH half to even: %s", (value, units) => {
  expect(toMinor(value, "UAH")).toEqual({ units, exact: false });
});

test("does not call a binary fraction exact", () => {
  expect(toMinor(0.1 + 0.2, "UAH")).toEqual({ units: 30, exact: false });
});

test("knows no amount beyond a safe integer", () => {
  expect(toMinor("999999999999999", "UAH")).toBeUndefined();
});

test("refuses amounts and currencies that are none", () => {
  for (const value of [-1, "-1", "1,5", "", " 1", "1e3", Number.NaN, 1e-7, 1e21, null, "."]) {
    expect(amount.safeParse(value).success).toBe(false);
  }
  for (const code of ["uah", "HRN", "", 980]) expect(currency.safeParse(code).success).toBe(false);
});
