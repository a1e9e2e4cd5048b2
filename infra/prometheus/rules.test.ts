import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ALARMS } from "../alarms/catalogue.ts";
import { alertRules, alertsFile } from "./rules.ts";

test("alerts.yml is what the code says (else: npm run alerts)", () => {
  expect(readFileSync(join(import.meta.dirname, "alerts.yml"), "utf8")).toBe(alertsFile());
});

test("there is a rule for every alarm but the one that only Lambda has", () => {
  const rules = alertRules().groups.flatMap((group) => group.rules.map(({ alert }) => alert));
  expect(rules.toSorted()).toEqual(
    Object.keys(ALARMS)
      .filter((name) => name !== "function-throttled")
      .sort(),
  );
});
