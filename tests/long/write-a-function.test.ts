import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environment } from "../integration/lane.ts";
import { newReader, type Reader, type Step, stepsOfPage } from "../integration/guide.ts";
import { deleteEntries } from "../integration/project-copy.ts";
import { drain, newVhost, type Vhost } from "../integration/rabbit-vhost.ts";

let vhost: Vhost;
let reader: Reader;
let steps: Step[];

beforeAll(async () => {
  vhost = await newVhost();
  steps = await stepsOfPage("write-a-function.md", [8099]);
  // The services of the tests, as a user's own.
  reader = await newReader({ ...environment, RABBITMQ_URL: vhost.url });
  await reader.terminal.run("npm start");
});
afterAll(async () => {
  await reader.leave();
  await vhost.remove();
});

// A check of the whole project, and two starts: a minute where nothing else runs.
test("an event and a consumer come to life, word for word, and go without a trace", async () => {
  const { clone, follow } = reader;
  // The event stays: its file, the line that makes it known, its record.
  await follow(take(3));
  const before = await contentsOf(clone);

  await follow(take(steps.findIndex(isRemoval)));
  const received = await readFile(join(clone, ".warren/received.log"), "utf8");
  expect(received).toMatch(/^default:http:evt_\S+ \{"id":"evt_\S+","type":"review\.posted",/);
  expect(received).toContain('{"text":"★★ for prod_456: It broke on the first day."}');
  expect(await drain(vhost.url, "dead.events.review-alerts")).toEqual([]);
  expect(await drain(vhost.url, "events.unconsumed")).toEqual([]);

  expect(await resourcesOf("review-alerts")).toEqual(
    expect.arrayContaining([
      "AWS::Lambda::Function",
      "AWS::Lambda::EventSourceMapping",
      "AWS::IAM::Role",
      "AWS::CloudWatch::Alarm",
    ]),
  );

  // By hand, as the guide says.
  await deleteEntries(clone, ["review-alerts"]);
  await follow(take(1));
  expect(steps).toEqual([]);
  expect(await contentsOf(clone)).toEqual(before);
}, 600_000);

/** Types of those in the packaged stack that name the function. */
async function resourcesOf(name: string): Promise<string[]> {
  const file = join(reader.clone, ".serverless/cloudformation-template-update-stack.json");
  const { Resources } = JSON.parse(await readFile(file, "utf8")) as {
    Resources: Record<string, { Type: string }>;
  };
  return Object.values(Resources)
    .filter((resource) => JSON.stringify(resource).includes(name))
    .map(({ Type }) => Type);
}

const isRemoval = (step: Step) =>
  step.kind === "run" && step.commands.startsWith("rm -r functions/");

function take(count: number): Step[] {
  return steps.splice(0, count);
}

/** Every file of the project with its text. */
async function contentsOf(root: string): Promise<Record<string, string>> {
  const files = await readdir(root, { recursive: true, withFileTypes: true });
  const own = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name).slice(root.length + 1))
    .filter((file) => !/^(node_modules|\.warren|\.serverless|dist)\//.test(file))
    .sort();
  const texts = own.map(async (file) => [file, await readFile(join(root, file), "utf8")] as const);
  return Object.fromEntries(await Promise.all(texts));
}
