import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { newFunction, ScaffoldError } from "./new-function.ts";

const eventTypes = ["order.created", "order.paid", "user.signup"];
const SERVERLESS = join(import.meta.dirname, "../../serverless.yml");

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "warren-new-"));
  await cp(SERVERLESS, join(root, "serverless.yml"));
});
afterEach(() => rm(root, { recursive: true }));

const make = (name: string, accepts: string[] = []) =>
  newFunction({ root, name, accepts, eventTypes });
const read = (file: string) => readFile(join(root, file), "utf8");

test("writes a folder in which nothing is left of the template's name", async () => {
  const made = await make("order-mails", ["order.paid", "user.signup"]);

  expect(made.queue).toBe("events.order-mails");
  expect(made.variable).toBe("ORDER_MAILS_WEBHOOK_URL");
  expect(made.files.map((file) => file.replace("functions/order-mails/", ""))).toEqual([
    "accepts.ts",
    "consumer.ts",
    "request.ts",
    "webhook.ts",
    "config.ts",
    "handler.ts",
    "request.test.ts",
    "webhook.test.ts",
  ]);
  const texts = await Promise.all(made.files.map(read));
  expect(texts.join("").match(/function-?_?template/gi)).toBe(null);
  expect(texts[0]).toContain('export const accepts = ["order.paid", "user.signup"] as const');
  expect(texts[1]).toContain("export function orderMailsConsumer(");
  expect(texts[1]).toContain('export const name = "order-mails"');
  expect(texts[4]).toContain("ORDER_MAILS_WEBHOOK_URL: z");
});

test("accepts every type that there is unless it is told which", async () => {
  await make("audit");
  expect(await read("functions/audit/accepts.ts")).toContain(
    'accepts = ["order.created", "order.paid", "user.signup"] as const',
  );
});

test("adds to serverless.yml and changes nothing else there", async () => {
  const before = await read("serverless.yml");
  await make("order-mails");
  const after = await read("serverless.yml");

  expect(parse(after, { logLevel: "error" })).toMatchObject({
    functions: {
      "order-mails": {
        handler: "functions/order-mails/handler.handler",
        events: [{ rabbitmq: { queue: "events.order-mails" } }],
      },
    },
  });
  const added = after.slice(after.indexOf("\n\n  order-mails:"));
  expect(after.replace(added, "").trimEnd()).toBe(before.trimEnd());
});

test.each([
  "Order",
  "order_mails",
  "-mails",
  "order--mails",
  "../mails",
  "1st",
  "",
  "x".repeat(41),
])("refuses the name %j and says what a name is", async (name) => {
  await expect(make(name)).rejects.toThrow("name has lower-case letters and digits");
  expect(await readdir(root)).toEqual(["serverless.yml"]);
});

test("refuses what is there already: folder, function, queue", async () => {
  await mkdir(join(root, "functions/mails"), { recursive: true });
  await expect(make("mails")).rejects.toThrow("functions/mails/ exists already");
  const entry = `
  graph-writer:
    handler: functions/graph-writer/handler.handler
    events: [{ rabbitmq: { queue: events.graph } }]`;
  const file = join(root, "serverless.yml");
  await writeFile(file, (await read("serverless.yml")).replace("\nfunctions:", `$&${entry}`));
  await expect(make("graph-writer")).rejects.toThrow("serverless.yml has a function graph-writer");
  await expect(make("graph")).rejects.toThrow(
    "graph-writer already uses queue events.graph in serverless.yml: choose another name",
  );
});

test("names the nearest types to one that nobody knows, and every problem at once", async () => {
  await expect(make("Mails", ["order.payd", "order.created"])).rejects.toThrow(ScaffoldError);
  await expect(make("Mails", ["order.payd", "order.created"])).rejects.toThrow(
    /name has lower-case(.|\n)*order\.payd is not an event type of events\/: did you mean order\.paid\?/,
  );
  expect(await readdir(root)).toEqual(["serverless.yml"]);
});

// What all consumers have, the plugin adds (infra/aws/defaults.ts): twice in one role, IAM refuses it. And
// a virtual host of Amazon MQ is none of the broker on a laptop.
test("the entry says nothing that the stack gives to every consumer", async () => {
  await make("order-mails");
  const after = parse(await read("serverless.yml"), { logLevel: "error" }) as {
    functions: Record<string, { environment: object; events: { rabbitmq: object }[] }>;
  };
  const made = after.functions["order-mails"]!;

  expect(Object.keys(made)).toEqual(["handler", "timeout", "environment", "events"]);
  expect(Object.keys(made.environment)).toEqual(["ORDER_MAILS_WEBHOOK_URL"]);
  expect(made.events[0]!.rabbitmq).not.toHaveProperty("virtualHost");
});

test("puts it behind the last function, however the file is written", async () => {
  const before = `functions:
    one: { handler: a.b } # flow
    two:
        handler: c.d
        events: [ schedule: rate(1 hour) ] # spaces
# end
custom: {a: 'b'}
`;
  await writeFile(join(root, "serverless.yml"), before);
  await make("mails");
  const after = await read("serverless.yml");

  const [start = "", end = ""] = before.split("# end");
  const added = `${start.trimEnd()}\n\n    mails:\n      handler: functions/mails/`;
  expect(after.slice(0, added.length)).toBe(added);
  expect(after.endsWith(`\n# end${end}`)).toBe(true);
  expect(parse(after)).toMatchObject({ custom: { a: "b" }, functions: { mails: {}, two: {} } });
});

test("refuses a serverless.yml in which no function has a line of its own", async () => {
  await writeFile(join(root, "serverless.yml"), "functions: {}");
  await expect(make("mails")).rejects.toThrow("functions must be a block");
  expect(await readdir(root)).toEqual(["serverless.yml"]);
});
