import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readDeclaration, readHandlers } from "../../lib/host/declaration.ts";
import { environment } from "../integration/lane.ts";
import { newReader, type Reader, type Step, stepsOfPage } from "../integration/guide.ts";
import { deleteEntries } from "../integration/project-copy.ts";
import { exists } from "../../infra/service/tools.ts";
import { drain, newVhost, type Vhost } from "../integration/rabbit-vhost.ts";

let vhost: Vhost;
let reader: Reader;
let steps: Step[];

beforeAll(async () => {
  vhost = await newVhost();
  steps = await stepsOfPage("your-own-domain.md", [8080, 8099]);
  // The services of the tests, as a user's own.
  reader = await newReader({ ...environment, RABBITMQ_URL: vhost.url });
});
afterAll(async () => {
  await reader.leave();
  await vhost.remove();
});

// Compiling, linting and the unit tests: half a minute where nothing else runs.
test("without the shop, an event and a function of a library come to life, word for word", async () => {
  const { clone, follow } = reader;
  const [remove, ...others] = steps;
  await follow([remove!]);
  const entries = await entriesWithoutCode(clone);
  expect(entries).toHaveLength(10);
  // By hand, as the page says.
  await deleteEntries(clone, entries);

  // After the last run the page shows an example for another sink.
  await follow(others.slice(0, others.findLastIndex(({ kind }) => kind === "run") + 1));
  expect((await readDeclaration(clone)).map(({ name }) => name)).toEqual([
    "ingest",
    "queue-metrics",
    "due-dates",
  ]);
  const received = await readFile(join(clone, ".warren/received.log"), "utf8");
  expect(received).toMatch(/^\{"id":"evt_\S+","type":"book\.lent",.*"loan_id":"loan_7"/);
  expect(await drain(vhost.url, "dead.events.due-dates")).toEqual([]);
  expect(await drain(vhost.url, "events.unconsumed")).toEqual([]);
}, 300_000);

/** Those of serverless.yml whose handler is gone. */
async function entriesWithoutCode(clone: string): Promise<string[]> {
  const handlers = await readHandlers(clone);
  const there = await Promise.all(handlers.map(({ file }) => exists(file)));
  return handlers.filter((_, index) => !there[index]).map(({ name }) => name);
}
