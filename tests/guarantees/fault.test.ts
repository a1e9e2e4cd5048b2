import { expect, test } from "vitest";
import { LEDGER } from "../integration/services.ts";
import { consumersDeclared, measure } from "./measure.ts";
import { scenarios } from "./scenarios.ts";
import { contacts } from "./subjects/contacts.ts";

/** `npm run guarantees` plays this on all functions and in all columns. */
test("a kill loses nothing, unless events are completed before they are applied", async ({
  skip,
}) => {
  skip(LEDGER === "none", "nothing is completed where there is no ledger");
  const declared = await consumersDeclared();
  const problemsWith = async (fault: string | undefined) => {
    const [kill] = scenarios.filter(({ title }) => title === "kill -9 before the effect");
    const played = [{ ...kill!, workers: 1 as const }];
    const [row] = measure({ subjects: [contacts], declared, fault, played });
    return [...(await row!).cells.values()].flatMap(({ problems }) => problems);
  };
  const [asItIs, mistaken] = await Promise.all([
    problemsWith(undefined),
    problemsWith("complete-before-apply"),
  ]);

  expect(asItIs).toEqual([]);
  expect(mistaken).toEqual([expect.stringMatching(/^\d+ without effect$/)]);
});
