import { expect, test } from "vitest";
import { known, nearest } from "./nearest.ts";

const types = ["order.paid", "order.created", "product.created", "user.signup"];

test("names what a misspelling may have meant, nearest first", () => {
  expect(nearest("order.payd", types)).toEqual(["order.paid"]);
  expect(nearest("oder.created", types)).toEqual(["order.created"]);
  expect(nearest("pruduct.created", types)).toEqual(["product.created", "order.created"]);
});

test("says all there are where nothing is near", () => {
  expect(known("order.pad", types)).toBe("did you mean order.paid?");
  expect(known("x", types)).toBe(
    "there are order.paid, order.created, product.created, user.signup",
  );
});
