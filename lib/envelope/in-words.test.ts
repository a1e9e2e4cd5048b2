import { expect, test } from "vitest";
import * as z from "zod";
import { inWords } from "./in-words.ts";

test.each([
  [z.string(), undefined, "is required: a string"],
  [z.string(), 5, "must be a string"],
  [z.int(), 1.5, "must be a whole number"],
  [z.looseObject({}), [], "must be an object"],
  [z.array(z.string()).min(1), [], "must have at least 1 items"],
  [z.array(z.string()), "s3cret", "must be a list"],
  [z.int().positive(), 0, "must be more than 0"],
  [z.int().min(1).max(5), 6, "must be at most 5"],
  [z.string().max(3), "s3cret", "must have at most 3 characters"],
  [z.enum(["card", "cash"]), "s3cret", "must be one of card, cash"],
  [z.string("must be a name"), 5, "must be a name"],
])("%#: a field says what it must be", (schema, value, message) => {
  const { error } = schema.safeParse(value, { error: inWords });
  expect(error?.issues.map((issue) => issue.message)).toEqual([message]);
});
