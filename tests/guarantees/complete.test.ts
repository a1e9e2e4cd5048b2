import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../../infra/rabbitmq/consumers.ts";
import { DOCUMENT } from "./document.ts";
import { edited, faults } from "./faults.ts";
import { consumersDeclared, missingSubjects } from "./measure.ts";
import { scenarios } from "./scenarios.ts";
import { subjects } from "./subjects/subjects.ts";
import { columns, firstTable, KEPT } from "./tables.ts";

test("every function with a queue is driven through the scenarios", async () => {
  const declared = await consumersDeclared();
  expect(missingSubjects(declared, subjects)).toEqual([]);

  const [first, ...rest] = subjects;
  const another = new Map([...declared, ["review-alerts", undefined]]);
  expect(missingSubjects(another, rest)).toEqual([
    expect.stringContaining(`${first!.name} has a queue`),
    expect.stringContaining("review-alerts has a queue"),
  ]);
});

/** If this fails, run `npm run guarantees` again: nobody edits that page. */
test("docs/guarantees.md is of these functions and scenarios, and says that all was kept", async () => {
  const page = await readFile(DOCUMENT, "utf8");
  const [heads, ...rows] = firstTable(page);
  const promises = rows.map(([name, vow]) => [name, vow]);
  const cells = rows.flatMap((row) => row.slice(2));

  expect(heads).toEqual(columns);
  expect(promises).toEqual(subjects.map(({ name, vow }) => [name, vow]));
  expect(cells.filter((cell) => !cell.startsWith(KEPT))).toEqual([]);
  for (const { how } of scenarios) expect(page).toContain(how);
});

test.for(Object.entries(faults))("the mistake %s can still be made", async ([, edits]) => {
  const byFile = Map.groupBy(edits, ({ file }) => file);
  for (const [file, some] of byFile) {
    const source = await readFile(join(ROOT, file), "utf8");
    expect(edited(source, some)).not.toBe(source);
  }
});
