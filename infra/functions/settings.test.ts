import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { ROOT } from "../service/instance.ts";
import { readFunctions } from "./declared.ts";
import { settingsPage } from "./settings.ts";

const functions = await readFunctions(ROOT);
const { functions: declared, custom } = parse(
  await readFile(join(ROOT, "serverless.yml"), "utf8"),
  { logLevel: "error" },
) as {
  functions: Record<string, { environment?: Record<string, string> }>;
  custom: { consumers: { environment: Record<string, string> } };
};

test("docs/settings.md is what `npm run settings` writes", async () => {
  expect(await readFile(join(ROOT, "docs/settings.md"), "utf8")).toBe(await settingsPage());
});

test.each(functions)("$name is given what it requires on AWS, and nothing else", (one) => {
  const { name, trigger, variables } = one;
  const own = Object.keys(declared[name]?.environment ?? {});
  const shared = trigger.kind === "queue" ? Object.keys(custom.consumers.environment) : [];
  const names = variables.map((variable) => variable.name);
  expect(own.filter((each) => !names.includes(each))).toEqual([]);

  const wanted = variables.filter(({ required, onlyWith }) => {
    // On AWS the ledger is the table, and the embedder is a parameter of the stack.
    const isChosen = onlyWith?.name !== "LEDGER" || onlyWith.value === "dynamodb";
    return required && isChosen;
  });
  const given = [...own, ...shared];
  expect(wanted.map((each) => each.name).filter((each) => !given.includes(each))).toEqual([]);
});
