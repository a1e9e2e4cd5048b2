import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import neo4j from "neo4j-driver";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import * as z from "zod";
import { DEV, ROOT } from "../../infra/service/instance.ts";
import { serviceNames } from "../../infra/local/services.ts";
import { copyProject } from "./project-copy.ts";
import { until } from "./rabbit-vhost.ts";
import { LEDGER } from "./services.ts";

/** What an `npm start` alone starts in `npm run test:long`; else these functions, with what they need. */
const whole = inject("long");
const names = whole ? [] : ["ingest", "neo4j-projector"];
const needed = whole ? serviceNames : ["neo4j", "rabbitmq", ...(LEDGER === "none" ? [] : [LEDGER])];

// Of its own, so that it meets neither the tests' services nor those of whoever works here.
let clone: string;

/** As the README promises it; users' scripts read it. */
const status = z.strictObject({
  ready: z.boolean(),
  services: z.strictObject({
    rabbitmq: z.strictObject({ url: z.url(), management: z.url() }),
    dynamodb: z.strictObject({ endpoint: z.url(), ledgerTable: z.string() }).optional(),
    neo4j: z.strictObject({ url: z.url(), user: z.string(), password: z.string() }),
    redis: z.strictObject({ url: z.url() }).optional(),
    qdrant: z.strictObject({ url: z.url(), apiKey: z.string() }).optional(),
    providers: z.strictObject({ url: z.url() }).optional(),
  }),
  functions: z.looseObject({
    ingest: z.looseObject({
      url: z.url(),
      pid: z.number(),
      ready: z.boolean(),
      key: z.string(),
    }),
    recommend: z.looseObject({ url: z.url(), pid: z.number(), ready: z.boolean() }).optional(),
    "neo4j-projector": z.looseObject({
      pids: z.array(z.number()),
      queue: z.literal("events.neo4j"),
      ready: z.boolean(),
    }),
  }),
});

beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), "warren-clone-"));
  await copyProject(clone);
  await mkdir(join(clone, ".warren"));
  await symlink(join(ROOT, "node_modules"), join(clone, "node_modules"));
  await symlink(join(DEV, "jars"), join(clone, ".warren/jars"));
});
afterAll(async () => {
  await warren("stop");
  await rm(clone, { recursive: true });
});

test("one command starts what it names, or everything, and the line it prints puts an event into the graph", async () => {
  const { output, code } = await warren("start", ...names);
  expect(output).toContain("Ready.");
  expect(output).not.toContain("NOT READY");
  expect(output).toMatch(/^ready in \d+\.\d s, [\d,]{3,} MB/m);
  expect(code).toBe(0);

  const answer = await curl(output);
  expect(await answer.json()).toMatchObject({ status: "queued", type: "interaction.viewed" });
  expect(answer.status).toBe(202);
  const { services, functions } = await readStatus();
  expect(Object.keys(services).sort()).toEqual([...needed].sort());
  const found = Object.keys(functions).sort();
  expect(whole ? [] : found).toEqual(names);
  const { url, user, password } = services.neo4j;
  const driver = neo4j.driver(url, neo4j.auth.basic(user, password));
  const count = async () => {
    const views = await driver.executeQuery("MATCH (:User)-[v:VIEWED]->(:Product) RETURN v.count");
    return views.records.length;
  };
  await until("it is in the graph", async () => (await count()) === 1);
  await driver.close();
});

test.runIf(whole)("recommend listens beside ingest and knows the same key", async () => {
  const { ingest, recommend } = (await readStatus()).functions;
  const { url } = recommend!;
  expect(Number(new URL(url).port)).toBe(Number(new URL(ingest.url).port) + 1);
  const headers = { authorization: `Bearer ${ingest.key}` };
  const answer = await fetch(`${url}/recommendations/nobody`, { headers });
  expect(await answer.json()).toMatchObject({
    recommendations: [],
    reason: "nothing is known of this user yet",
  });
});

test("a second start finds what runs", async () => {
  const before = await readStatus();
  expect((await warren("start", ...names)).code).toBe(0);
  expect(await readStatus()).toEqual(before);
});

test("what tells a password or a key is for its owner alone", async () => {
  const { services, functions } = await readStatus();
  const { rabbitmq, redis, neo4j: graph, qdrant } = services;
  const urls = [rabbitmq, redis].flatMap((service) => service?.url ?? []);
  const passwords = urls.map((url) => new URL(url).password);
  const keys = [functions.ingest.key, qdrant?.apiKey ?? []].flat();
  const secrets = [...passwords, graph.password, ...keys];
  const telling: string[] = [];
  for (const file of await filesBelow(join(clone, ".warren"))) {
    const text = await readFile(file, "latin1");
    if (!secrets.some((secret) => text.includes(secret))) continue;
    telling.push(file);
    expect.soft((await stat(file)).mode & 0o077, file).toBe(0);
  }
  expect(telling.length).toBeGreaterThanOrEqual(whole ? 6 : 4);
});

test("an unknown name changes nothing", async () => {
  const before = await readStatus();
  const unknown = await warren("start", "ingset");
  expect(unknown).toMatchObject({ code: 2, output: expect.stringContaining("mean ingest?") });
  expect(await readStatus()).toEqual(before);
});

test.runIf(whole)("a start with a name ends all other functions", async () => {
  expect((await warren("start", "ingest")).code).toBe(0);
  const { output, code } = await warren("status", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(output)).toMatchObject({ ready: true, functions: { ingest: { ready: true } } });
  expect(output).not.toContain("neo4j-projector");
});

test("a stop leaves no process and says so to whoever asks", async () => {
  expect(await processesOf(clone)).not.toEqual([]);
  expect((await warren("stop")).code).toBe(0);
  expect(await processesOf(clone)).toEqual([]);

  const { output, code } = await warren("status");
  expect(output).toContain("Not ready. Run `npm start` to start what is missing.");
  expect(code).toBe(1);
});

/** Runs the command in the clone, as npm does. */
async function warren(...args: string[]): Promise<{ output: string; code: number }> {
  const { PATH, HOME, LEDGER, RABBITMQ_VERSION } = process.env;
  const run = promisify(execFile)(process.execPath, ["cli.ts", ...args], {
    cwd: clone,
    env: { PATH, HOME, LEDGER, RABBITMQ_VERSION },
    timeout: 110_000,
  });
  try {
    return { output: (await run).stdout, code: 0 };
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number };
    return { output: stdout + stderr, code };
  }
}

async function readStatus(): Promise<z.infer<typeof status>> {
  return status.parse(JSON.parse((await warren("status", "--json")).output));
}

/** Does what the printed line says. */
async function curl(output: string): Promise<Response> {
  const line = /^curl -sS (\S+) -H '(.+?): (.+?)' -H '(.+?): (.+?)' -d '(.+)'$/m.exec(output);
  const [, url = "", name = "", value = "", otherName = "", otherValue = "", body = ""] = line!;
  const headers = { [name]: value, [otherName]: otherValue };
  return fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(20_000) });
}

/** Without what is linked from elsewhere. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
}

/** Command lines of processes that belong to a folder: they name it, or work in it. */
async function processesOf(folder: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const read = (pid: string, file: string) =>
    readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [line, env] = await Promise.all([read(pid, "cmdline"), read(pid, "environ")]);
      return `${line}${env}`.includes(folder) ? [line.replaceAll("\0", " ")] : [];
    }),
  );
  return found.flat();
}
