import { expect, test } from "vitest";
import { mentionsIn } from "./mentions.ts";

test.each([
  ["@u1 which leg is it?", ["u1"]],
  ["ask @olena.k, @user_1 or (@Ü9).", ["olena.k", "user_1", "Ü9"]],
  ["@u1 @u1 and @u1", ["u1"]],
  ["@a-b- @c...", ["a-b", "c"]],
  ["olena@example.com, x.@y, @@z, @ alone, @.", []],
  ["", []],
])("finds in %j the users %j", (text, expected) => {
  expect(mentionsIn(text)).toEqual(expected);
});

test("a name longer than any id names nobody, and of very many names the first count", () => {
  expect(mentionsIn(`@${"x".repeat(201)} @u1`)).toEqual(["u1"]);
  const many = Array.from({ length: 80 }, (_, n) => `@u${n}`).join(" ");
  expect(mentionsIn(many)).toHaveLength(50);
});

test("takes no time that grows with the square of a hostile text", () => {
  const began = performance.now();
  for (const text of ["@", "@a.", ".@", "@a-"]) mentionsIn(text.repeat(10_000));
  expect(performance.now() - began).toBeLessThan(300);
});
