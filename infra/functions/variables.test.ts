import { expect, test } from "vitest";
import * as z from "zod";
import { ROOT } from "../service/instance.ts";
import { readFunctions } from "./declared.ts";
import { readIn, variablesOf } from "./variables.ts";

const config = z
  .object({
    MAIL_URL: z.url().describe("Where mail goes"),
    MAIL_RATE: z.coerce.number().describe("Mails per second").default(50),
    DELAYS: z
      .string()
      .transform((text) => text.split(","))
      .prefault("1s,2s"),
    MAIL_REPLY: z.string().optional(),
  })
  .and(
    z.preprocess(
      (env) => ({ STORE: "table", ...(env as object) }),
      z.discriminatedUnion(
        "STORE",
        [
          z.object({ STORE: z.literal("table"), TABLE: z.string() }),
          z.object({ STORE: z.literal("none") }),
        ],
        { error: "must be table or none" },
      ),
    ),
  )
  .and(z.object({ FILE: z.string().optional() }).transform(({ FILE }) => ({ file: FILE })));

test("a config says which variables it reads, with their defaults and what they mean", () => {
  const told = variablesOf(config).map((one) => [
    one.name,
    one.required,
    one.default,
    one.description,
    one.onlyWith,
  ]);
  expect(told).toEqual([
    ["MAIL_URL", true, undefined, "Where mail goes", undefined],
    ["MAIL_RATE", false, "50", "Mails per second", undefined],
    ["DELAYS", false, "1s,2s", undefined, undefined],
    ["MAIL_REPLY", false, undefined, undefined, undefined],
    ["STORE", false, "table", undefined, undefined],
    ["TABLE", true, undefined, undefined, { name: "STORE", value: "table" }],
    ["FILE", false, undefined, undefined, undefined],
  ]);
});

test("what belongs to another choice is not read", () => {
  const names = (env: Record<string, string>) =>
    readIn(env, variablesOf(config)).map(({ name }) => name);
  expect(names({})).toContain("TABLE");
  expect(names({ STORE: "none" })).not.toContain("TABLE");
});

test("a choice that does not exist is refused in the words of the config", () => {
  const store = variablesOf(config).find(({ name }) => name === "STORE");
  expect(store?.schema.safeParse("disk").error?.issues[0]?.message).toBe("must be table or none");
});

test("a config that cannot be understood is refused", () => {
  expect(() => variablesOf(z.array(z.string()))).toThrow("cannot contain array");
});

test("every function of serverless.yml declares its variables", async () => {
  for (const { name, variables } of await readFunctions(ROOT)) {
    expect.soft(variables, name).not.toEqual([]);
  }
});
