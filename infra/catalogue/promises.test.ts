import { describe, expect, test } from "vitest";
import * as z from "zod";
import { brokenPromises, promisesOf, releasedWith, unreleased, type Terms } from "./promises.ts";
import { readReleased } from "./released.ts";

test("what was released is still read: docs/events.md says what a change takes", async () => {
  expect(brokenPromises(await readReleased(), promisesOf())).toEqual([]);
});

test("everything is released: npx warren catalogue --release", async () => {
  expect(unreleased(await readReleased(), promisesOf())).toEqual([]);
});

const fields = {
  dish_id: z.union([z.string().regex(/^d/), z.int().nonnegative()]).transform(String),
  name: z.string().min(1).max(20),
  course: z.enum(["first", "second"]),
  grams: z.number().min(1).max(1_000).optional(),
  allergens: z.array(z.looseObject({ code: z.string(), traces: z.boolean() })).max(14),
  notes: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  cook: z.string().nullable(),
  menu: z.literal("daily").optional(),
  language: z.string().default("uk"),
};
const dish = z.looseObject(fields);
const terms = (data: z.ZodType, more: Partial<Terms> = {}): Terms => ({
  type: "dish.served",
  version: "1.0",
  data,
  ...more,
});
const none = new Map<string, string>();
const released = promisesOf([terms(dish)], none);
const broken = (...now: Terms[]) => brokenPromises(released, promisesOf(now, none));

test("an unchanged contract breaks nothing, also when its transforms change", () => {
  expect(broken(terms(dish))).toEqual([]);
  expect(broken(terms(dish.transform(({ name }) => ({ name }))))).toEqual([]);
});

describe("names the type, the version and the field of", () => {
  const changed = (change: Record<string, z.ZodType>) => terms(dish.extend(change));
  const item = z.looseObject({ code: z.string(), traces: z.boolean() });

  test.each<[string, Terms, string]>([
    ["a field that was removed", terms(dish.omit({ grams: true })), "data.grams was removed"],
    ["a new field that must be sent", changed({ chef: z.string() }), "data.chef is now required"],
    [
      "a field that need not be sent until now",
      changed({ grams: fields.grams.unwrap() }),
      "data.grams is now required",
    ],
    ["another type", changed({ name: z.number() }), "data.name was string, is number"],
    [
      "a type of several that is gone",
      changed({ dish_id: z.string().regex(/^d/) }),
      "data.dish_id was integer, is string",
    ],
    ["null that is refused", changed({ cook: z.string() }), "data.cook was null, is string"],
    [
      "whole numbers alone",
      changed({ grams: z.int().min(1).max(1_000).optional() }),
      "data.grams was number, is integer",
    ],
    [
      "a value that is gone from an enum",
      changed({ course: z.enum(["first", "third"]) }),
      'data.course no longer accepts "second"',
    ],
    [
      "a string that became an enum",
      changed({ name: z.enum(["soup"]) }),
      'data.name accepts only "soup"',
    ],
    [
      "another literal",
      changed({ menu: z.literal("weekly").optional() }),
      'data.menu no longer accepts "daily"',
    ],
    [
      "a lower highest length",
      changed({ name: z.string().min(1).max(19) }),
      "data.name has maxLength 19, not 20",
    ],
    [
      "a lowest length",
      changed({ cook: z.string().min(1).nullable() }),
      "data.cook has minLength 1, not any",
    ],
    [
      "a higher lowest number",
      changed({ grams: z.number().min(2).max(1_000).optional() }),
      "data.grams has minimum 2, not 1",
    ],
    [
      "a shorter list",
      changed({ allergens: z.array(item).max(13) }),
      "data.allergens has maxItems 13, not 14",
    ],
    [
      "another pattern",
      changed({
        cook: z
          .string()
          .regex(/^[A-Z]/)
          .nullable(),
      }),
      "data.cook has another pattern",
    ],
    ["a format", changed({ cook: z.email().nullable() }), "data.cook has another format"],
    [
      "a field of a list's items",
      changed({ allergens: z.array(item.extend({ traces: z.string() })).max(14) }),
      "data.allergens.*.traces was boolean, is string",
    ],
    [
      "what any field may be",
      changed({ notes: z.record(z.string(), z.string()).optional() }),
      "data.notes.* was number, is string",
    ],
    [
      "unknown fields",
      terms(z.strictObject(fields)),
      "data.* is refused: unknown fields are no longer accepted",
    ],
    [
      "another default",
      changed({ language: z.string().default("en") }),
      "data.language has another default",
    ],
    [
      "a type that anything had until now",
      changed({ allergens: z.array(item.extend({ code: z.string() }).strict()).max(14) }),
      "data.allergens.*.* is refused: unknown fields are no longer accepted",
    ],
    [
      "a major version that is gone",
      terms(dish.extend({ chef: z.string() }), { version: "2.0" }),
      "is no longer read: keep it under `older`, with a transform",
    ],
  ])("%s", (_, now, message) => {
    const [found, ...more] = broken(now);
    expect(found?.replace(/^dish\.served 1\.0:? /, "")).toBe(message);
    expect(more).toEqual([]);
  });
});

test("names a type that was removed", () => {
  expect(broken()).toEqual([
    "dish.served 1.0 is no longer read: keep it under `older`, with a transform",
  ]);
});

test("a new major breaks nothing as long as the old one is upcast to it", () => {
  const next = dish.extend({ chef: z.string() });
  const upcast = dish.transform((old) => ({ ...old, chef: "unknown" }));
  const older = (data: z.ZodType) => [{ version: "1.0", data, sample: {} }];

  expect(broken(terms(next, { version: "2.0", older: older(upcast) }))).toEqual([]);
  expect(broken(terms(next, { version: "2.0", older: older(dish.omit({ name: true })) }))).toEqual([
    "dish.served 1.0: data.name was removed",
  ]);
});

test("a version that takes more wants another number, and then breaks nothing", () => {
  const more = dish.extend({ spicy: z.boolean().optional(), name: z.string().max(50) });

  expect(broken(terms(more))).toEqual([
    "dish.served 1.0: data.name accepts more than was released: raise the minor version",
    "dish.served 1.0: data.spicy accepts more than was released: raise the minor version",
  ]);
  expect(broken(terms(more, { version: "1.1" }))).toEqual([]);
});

test("records what is new beside what stands, and never changes what stands", () => {
  const now = promisesOf(
    [
      terms(dish.extend({ spicy: z.boolean().optional() }), { version: "1.1" }),
      terms(z.looseObject({}), { type: "dish.eaten" }),
    ],
    new Map([["meal.served", "dish.served"]]),
  );

  expect(unreleased(released, now)).toEqual(["meal.served", "dish.served 1.1", "dish.eaten 1.0"]);
  const both = releasedWith(released, now);
  expect(Object.keys(both.types)).toEqual(["dish.eaten", "dish.served"]);
  expect(both.types["dish.served"]).toEqual({
    "1.0": released.types["dish.served"]?.["1.0"],
    "1.1": now.types["dish.served"]?.["1.1"],
  });
  expect(unreleased(both, now)).toEqual([]);
  // The next minor must still read both.
  const next = promisesOf(
    [terms(dish, { version: "1.2" }), terms(z.looseObject({}), { type: "dish.eaten" })],
    new Map([["meal.served", "dish.served"]]),
  );
  expect(brokenPromises(both, next)).toEqual(["dish.served 1.1: data.spicy was removed"]);
});

test("names an alias that is gone, unless it has become a type", () => {
  const before = { aliases: { "meal.served": "dish.served" }, types: {} };

  expect(brokenPromises(before, promisesOf([terms(dish)], none))).toEqual([
    "meal.served is no longer an alias of dish.served",
  ]);
  expect(
    brokenPromises(before, promisesOf([terms(dish), terms(dish, { type: "meal.served" })], none)),
  ).toEqual([]);
});
