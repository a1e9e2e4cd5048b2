import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { declarationOf, readDeclaration } from "./declaration.ts";

const read = (yaml: string) => declarationOf(parse(yaml), "/app");
const withEvent = (event: string) =>
  read(`functions: { mail: { handler: functions/mail/handler.handler, events: [${event}] } }`);

test("reads what runs when, and leaves the deployment's settings alone", () => {
  const functions = read(`
    service: shop
    provider: { name: aws, region: "\${opt:region}" }
    functions:
      door:
        handler: functions/door/handler.handler
        timeout: 15
        events: [httpApi: POST /events, httpApi: { method: GET, path: /health }]
      mail:
        handler: functions/mail/handler.handler
        memorySize: \${param:memory}
        events:
          - rabbitmq: { arn: "\${param:arn}", basicAuthArn: "\${param:secret}", queue: events.mail, batchSize: 20, maximumBatchingWindow: 2 }
      mail-prune:
        handler: functions/mail/prune.run
        events: [schedule: rate(5 minutes)]
      tool:
        handler: functions/tool/handler.handler`);

  expect(functions).toEqual([
    {
      name: "door",
      file: "/app/functions/door/handler.ts",
      exported: "handler",
      timeoutMs: 15_000,
      trigger: { kind: "http" },
    },
    {
      name: "mail",
      file: "/app/functions/mail/handler.ts",
      exported: "handler",
      timeoutMs: 6_000,
      trigger: {
        kind: "queue",
        queue: "events.mail",
        batchSize: 20,
        windowMs: 2_000,
        enabled: true,
      },
    },
    {
      name: "mail-prune",
      file: "/app/functions/mail/prune.ts",
      exported: "run",
      timeoutMs: 6_000,
      trigger: { kind: "schedule", everyMs: 300_000 },
    },
  ]);
});

test.each(["", ", maximumBatchingWindow: 0"])("a queue has Lambda's defaults (%j)", (window) => {
  const [mail] = withEvent(`rabbitmq: { queue: events.mail${window} }`);
  expect(mail?.trigger).toEqual({
    kind: "queue",
    queue: "events.mail",
    batchSize: 100,
    windowMs: 500,
    enabled: true,
  });
});

test("reads that a mapping is disabled, and its filter", () => {
  const [mail] = withEvent(
    "rabbitmq: { queue: q, enabled: false, filterPatterns: [{ data: { a: [1] } }] }",
  );
  expect(mail?.trigger).toMatchObject({ enabled: false, filterPatterns: [{ data: { a: [1] } }] });
});

test("names every variable that stands where the host needs a value", () => {
  const yaml = `
    functions:
      mail: { handler: "\${param:h}", timeout: "\${param:t}", events: [rabbitmq: { queue: "\${param:q}" }] }
      sms: "\${file(sms.yml)}"`;
  const literal = "the host reads literal values only";
  expect(() => read(yaml)).toThrow(
    [
      "serverless.yml:",
      `  mail.handler: \${param:h} is a variable; ${literal}`,
      `  mail.timeout: \${param:t} is a variable; ${literal}`,
      `  mail.events.rabbitmq.queue: \${param:q} is a variable; ${literal}`,
      `  sms: \${file(sms.yml)} is a variable; ${literal}`,
    ].join("\n"),
  );
});

test.each([
  ["sqs: arn", "mail: the host has no trigger for sqs events"],
  ["schedule: cron(0 12 * * ? *)", "schedule cron(0 12 * * ? *): the host knows rate("],
  ["schedule: rate(0 hours)", "schedule rate(0 hours): the host knows"],
  ["schedule: rate(25 days)", "up to 24 days"],
  ["schedule: { rate: [rate(1 hour)] }", 'schedule {"rate":["rate(1 hour)"]}: the host knows'],
  ["rabbitmq: { queue: q, maximumRetryAttempts: 2 }", 'key: "maximumRetryAttempts"'],
  ["rabbitmq: { queue: q, filterPatterns: [] }", "rabbitmq.filterPatterns: there are 1 to 10"],
  ["rabbitmq: { queue: q, filterPatterns: [{ type: [a] }] }", "filterPatterns: 0.type: Amazon MQ"],
  ["rabbitmq: { queue: q, maximumBatchingWindow: 301 }", "maximumBatchingWindow: Too big"],
  ["rabbitmq: { queue: q, enabled: maybe }", "rabbitmq.enabled: Invalid input"],
  [
    'rabbitmq: { queue: q, filterPatterns: [{ data: ["${param:x}"] }] }',
    "mail.events.rabbitmq.filterPatterns.0.data.0: ${param:x} is a variable",
  ],
  ["rabbitmq: { queue: q, batchSize: 10001 }", "rabbitmq.batchSize: Too big"],
  ["rabbitmq: { queue: a b }", "rabbitmq.queue: must be the literal name of a queue"],
  ["rabbitmq: { queue: a }, rabbitmq: { queue: b }", "mail: has several triggers"],
  ["rabbitmq: { queue: a }, httpApi: GET /", "mail: has several triggers"],
  ["{ httpApi: GET /, sqs: arn }", "mail: one event names httpApi and sqs"],
])("refuses { %s }", (event, message) => {
  expect(() => withEvent(event)).toThrow(message);
});

test.each([
  ["{}", "functions: Invalid input"],
  ["functions: { mail: { handler: nothing } }", "functions.mail.handler: must be a path and an"],
  ["functions: { mail: { handler: a.b, timeout: 0 } }", "functions.mail.timeout: Too small"],
])("refuses %s", (yaml, message) => {
  expect(() => read(yaml)).toThrow(message);
});

test("hosts this project's own serverless.yml", async () => {
  const functions = await readDeclaration(join(import.meta.dirname, "../.."));
  // The others can be deleted (docs/your-own-domain.md).
  expect(functions.map(({ name, trigger }) => `${name} ${trigger.kind}`)).toContain("ingest http");
});
