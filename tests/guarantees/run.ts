/**
 * `npm run guarantees`: plays all scenarios on every function, prints the table, writes docs/guarantees.md.
 * Read on in scenarios.ts (what is played), subject.ts (what the suite knows of a function) and verdict.ts
 * (what breaks a promise). rig.ts and lane.ts contain the machinery.
 */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { ROOT } from "../../infra/rabbitmq/consumers.ts";
import { readDeclaration } from "../../lib/host/declaration.ts";
import { LEDGER, setup } from "../integration/services.ts";
import { faults } from "./faults.ts";
import type { Row } from "./measure.ts";

const USAGE = `Usage: npm run guarantees [-- --function NAME … --fault NAME]

  --function NAME  only this function; writes nothing
  --fault NAME     with this mistake in Warren (${Object.keys(faults).join(", ")}); writes nothing
`;

const { fault, function: names } = await read();
const teardown = await setup({ config: { maxWorkers: 1 } });
try {
  process.exitCode = await run();
} finally {
  await teardown();
}

async function read() {
  const { values } = parsed();
  const known = (await readDeclaration(ROOT)).filter(({ trigger }) => trigger.kind === "queue");
  const wrong = values.function?.find((one) => known.every(({ name }) => name !== one));
  if (LEDGER === "none")
    misused("LEDGER=none cannot be played: it has no record of done events to hold back.");
  if (wrong !== undefined) misused(`There is no function ${wrong} with a queue.`);
  if (values.fault !== undefined && !(values.fault in faults))
    misused(`There is no fault ${values.fault}.`);
  return values;
}

function parsed() {
  try {
    return parseArgs({
      options: { fault: { type: "string" }, function: { type: "string", multiple: true } },
    });
  } catch (error) {
    if (error instanceof TypeError) misused(error.message);
    throw error;
  }
}

function misused(why: string): never {
  console.error(`${why}\n\n${USAGE}`);
  process.exit(2);
}

/** Returns 0 if every promise was kept. */
async function run(): Promise<number> {
  // The services belong to the first worker of the tests.
  process.env["VITEST_POOL_ID"] = "1";
  const { consumersDeclared, measure, missingSubjects } = await import("./measure.ts");
  const { subjects } = await import("./subjects/subjects.ts");
  const { DOCUMENT, documentOf } = await import("./document.ts");
  const { tableOf } = await import("./tables.ts");

  const declared = await consumersDeclared();
  const missing = missingSubjects(declared, subjects);
  if (missing.length > 0) {
    console.error(missing.join("\n"));
    return 1;
  }
  const wanted = subjects.filter(({ name }) => names?.includes(name) ?? true);
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 1_000);
  const playing = measure({ subjects: wanted, declared, fault }).map(async (row) => {
    const played = await row;
    console.log(`${played.subject.name}: ${summaryOf(played)} after ${seconds()} s`);
    return played;
  });
  const played = await Promise.allSettled(playing);
  const took = seconds();
  const rows = played.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  for (const one of played) if (one.status === "rejected") console.error(one.reason);
  console.log(`\n${tableOf(rows)}\n\nplayed in ${took} s`);

  if (rows.length < wanted.length || rows.some((row) => brokenIn(row) > 0)) return 1;
  if (fault !== undefined || names !== undefined) return 0;
  await writeFile(DOCUMENT, await documentOf(rows, took));
  console.log("\nwrote docs/guarantees.md");
  return 0;
}

function summaryOf(row: Row): string {
  return `${row.cells.size - brokenIn(row)} of ${row.cells.size} kept`;
}

function brokenIn({ cells }: Row): number {
  return [...cells.values()].filter(({ problems }) => problems.length > 0).length;
}
