import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConfigError } from "../../lib/config.ts";
import { UsageError } from "../cli/errors.ts";
import { DEV, ROOT } from "../service/instance.ts";
import { planOf } from "./plan.ts";
import { type ServiceName, serviceNames } from "./services.ts";

// A project of its own: whoever deletes a function of this one breaks no test.
let root: string;
beforeAll(async () => {
  // Below this project, so that its configs find zod.
  await mkdir(DEV, { recursive: true });
  root = await mkdtemp(join(DEV, "plan-test-"));
  const configs = {
    graph:
      "z.object({ NEO4J_URL: z.url(), RABBITMQ_URL: z.url(), DAYS: z.coerce.number().default(1) }).and(ledger)",
    mail: 'z.object({ SMTP_URL: z.url(), MAIL_FROM: z.string().regex(/@/, "must be an address"), MAIL_RATE: z.coerce.number().default(5) })',
    sms: "z.object({ SMS_URL: z.url().optional(), SMS_TOKEN: z.string(), SMS_FROM: z.string() })",
    hook: "z.object({ HOOK_URL: z.url() })",
  };
  const lib = join(ROOT, "lib/config.ts");
  for (const [name, config] of Object.entries(configs)) {
    await mkdir(join(root, "functions", name), { recursive: true });
    const text = `import * as z from "zod";\nimport { ledger } from ${JSON.stringify(lib)};\nvoid ledger;\nexport const config = ${config};\n`;
    await writeFile(join(root, "functions", name, "config.ts"), text);
  }
  const entries = Object.keys(configs).map(
    (name) =>
      `  ${name}: { handler: functions/${name}/handler.handler, events: [{ schedule: rate(1 hour) }] }`,
  );
  await writeFile(join(root, "serverless.yml"), `functions:\n${entries.join("\n")}\n`);
});
afterAll(() => rm(root, { recursive: true }));

const plan = (names: string[], env = {}) => planOf(names, env, root);
const NOT_HOOK = ["graph", "mail", "sms"];

const addresses = new Map<ServiceName, Record<string, string>>([
  ["rabbitmq", { RABBITMQ_URL: "amqp://here" }],
  ["neo4j", { NEO4J_URL: "bolt://here", NEO4J_USER: "neo4j" }],
  ["dynamodb", { AWS_ENDPOINT_URL_DYNAMODB: "http://here" }],
  [
    "providers",
    {
      PROVIDERS_URL: "http://here",
      SMTP_URL: "smtp://here",
      MAIL_FROM: "warren@example.com",
      SMS_URL: "http://here",
      SMS_TOKEN: "local",
      SMS_FROM: "Warren",
    },
  ],
]);

test("a function needs the services whose variables it reads", async () => {
  expect((await plan(["graph"])).services).toEqual(["rabbitmq", "dynamodb", "neo4j"]);
  expect((await plan(["graph"], { LEDGER: "redis" })).services).toEqual([
    "rabbitmq",
    "neo4j",
    "redis",
  ]);
  expect((await plan(["graph"], { LEDGER: "none" })).services).toEqual(["rabbitmq", "neo4j"]);
  expect((await plan(["mail", "sms"])).services).toEqual(["providers"]);
});

test("without a name everything is meant", async () => {
  const { functions, services } = await plan([], { HOOK_URL: "http://hook" });
  expect(functions.map(({ name }) => name)).toEqual(["graph", "mail", "sms", "hook"]);
  expect(services).toEqual(serviceNames);
});

test("an unknown name is refused with the nearest", async () => {
  const refused = plan(["grahp", "mail", "smss"]);
  await expect(refused).rejects.toThrow(UsageError);
  await expect(refused).rejects.toThrow(
    /no function grahp: did you mean graph\?\n.*no function smss/,
  );
});

test("functions are given the addresses, the names of tables and what the caller has set", async () => {
  const { environment } = await plan(["graph"], { DAYS: "7", LEDGER_TABLE: "mine", TERM: "x" });
  expect(environment(addresses)).toMatchObject({
    NEO4J_URL: "bolt://here",
    LEDGER_TABLE: "mine",
    DAYS: "7",
  });
  expect(environment(addresses)).not.toHaveProperty("TERM");
});

test("every wrong or missing variable of the functions that start is named, and no other", async () => {
  const env = { DAYS: "x", LEDGER: "disk", MAIL_RATE: "many" };
  const refused = plan(["graph", "mail", "hook"], env);
  await expect(refused).rejects.toThrow(ConfigError);
  await expect(refused).rejects.toThrow(
    /DAYS: [^]*LEDGER: must be dynamodb, redis or none[^]*MAIL_RATE: [^]*HOOK_URL: is required/,
  );
  await expect(plan(["sms"], env)).resolves.toBeDefined();
});

test("without variables of one's own every message ends on this machine", async () => {
  const { environment } = await plan(NOT_HOOK, { SMTP_URL: "" });
  expect(environment(addresses)).toMatchObject(addresses.get("providers")!);
});

test("a channel of one's own takes nothing from this machine; the others still do", async () => {
  const { environment, services } = await plan(NOT_HOOK, { SMS_TOKEN: "own", SMS_FROM: "Shop" });
  expect(services).toContain("providers");
  expect(environment(addresses)).toMatchObject({
    SMTP_URL: "smtp://here",
    SMS_TOKEN: "own",
    SMS_FROM: "Shop",
  });
  expect(environment(addresses)).not.toHaveProperty("SMS_URL");
  expect((await plan(["sms"], { SMS_TOKEN: "own", SMS_FROM: "Shop" })).services).toEqual([]);
});

test("half a channel of one's own is refused, with all that it lacks or has wrong", async () => {
  const env = { SMTP_URL: "smtps://mail.example", MAIL_FROM: "nobody", SMS_TOKEN: "own" };
  await expect(plan(NOT_HOOK, env)).rejects.toThrow(
    /MAIL_FROM: must be an address[^]*SMS_FROM: is required/,
  );
});

test("a rate or a sender's name does not move a channel", async () => {
  const { environment } = await plan(NOT_HOOK, { MAIL_RATE: "5", MAIL_FROM: "shop@example.com" });
  expect(environment(addresses)).toMatchObject({
    SMTP_URL: "smtp://here",
    MAIL_FROM: "shop@example.com",
  });
});
