import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environment } from "../integration/lane.ts";
import { ROOT } from "../../infra/service/instance.ts";
import { freePort } from "../integration/free-port.ts";
import { change, openTerminal, type Step, stepsOf, type Terminal } from "../integration/guide.ts";
import { drain, newVhost, type Vhost } from "../integration/rabbit-vhost.ts";

let clone: string;
let vhost: Vhost;
let terminal: Terminal;
let steps: Step[];

beforeAll(async () => {
  vhost = await newVhost();
  clone = await mkdtemp(join(tmpdir(), "warren-guide-"));
  await copyWorkingTree(clone);
  await mkdir(join(clone, ".warren"));
  execFileSync("cp", ["-al", join(ROOT, "node_modules"), join(clone, "node_modules")]);

  const guide = await readFile(join(ROOT, "docs/write-a-function.md"), "utf8");
  // The one thing that is not as it stands there: somebody else may listen on that port here.
  steps = stepsOf(guide.replaceAll("8099", String(await freePort())));
  const { PATH = "", HOME = "" } = process.env;
  // The services of the tests, as a user's own.
  const own = { ...environment, RABBITMQ_URL: vhost.url };
  terminal = openTerminal(clone, { PATH, HOME, ...own });
  await terminal.run("npm start");
});
afterAll(async () => {
  await terminal.run("npm stop").catch(() => {});
  terminal.close();
  await rm(clone, { recursive: true });
  await vhost.remove();
});

// A check of the whole project, and two starts: a minute where nothing else runs.
test("an event and a consumer come to life, word for word, and go without a trace", async () => {
  // The event stays: its file, the line that makes it known, its record.
  await follow(take(3));
  const before = await contentsOf(clone);

  await follow(take(steps.findIndex(isRemoval)));
  const received = await readFile(join(clone, ".warren/received.log"), "utf8");
  expect(received).toMatch(/^default:evt_\S+ \{"id":"evt_\S+","type":"review\.posted",/);
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
  const serverless = join(clone, "serverless.yml");
  const text = await readFile(serverless, "utf8");
  // It is the last one.
  await writeFile(serverless, `${text.slice(0, text.indexOf("\n\n  review-alerts:"))}\n`);
  await follow(take(1));
  expect(steps).toEqual([]);
  expect(await contentsOf(clone)).toEqual(before);
}, 600_000);

/** Types of those in the packaged stack that name the function. */
async function resourcesOf(name: string): Promise<string[]> {
  const file = join(clone, ".serverless/cloudformation-template-update-stack.json");
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

async function follow(some: readonly (Step | undefined)[]): Promise<void> {
  for (const step of some) {
    if (step?.kind === "run") await terminal.run(step.commands);
    else if (step !== undefined) await change(clone, step);
  }
}

async function copyWorkingTree(to: string): Promise<void> {
  for (const file of filesIn(ROOT)) {
    await mkdir(dirname(join(to, file)), { recursive: true });
    await cp(join(ROOT, file), join(to, file));
  }
}

/** Those of the project, as git sees them. */
function filesIn(root: string): string[] {
  const list = ["ls-files", "--cached", "--others", "--exclude-standard"];
  return execFileSync("git", list, { cwd: root, encoding: "utf8" }).trim().split("\n");
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
