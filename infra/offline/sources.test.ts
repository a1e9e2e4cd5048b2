import { expect, test } from "vitest";
import { sourcesOf } from "./sources.ts";

type Functions = Record<string, object[]>;

const service = (functions: Functions, custom?: Record<string, unknown>) => ({
  service: {
    ...(custom && { custom }),
    getAllFunctions: () => Object.keys(functions),
    getFunction: (key: string) => ({ events: functions[key]! as Record<string, unknown>[] }),
  },
});
const env = { RABBITMQ_URL: "amqp://me:secret@broker:5672/shop" };

test("finds every trigger of every function, with Lambda's defaults", () => {
  const functions = {
    door: [{ httpApi: "GET /" }],
    mail: [
      { rabbitmq: { arn: "a", basicAuthArn: "b", queue: "mails" } },
      {
        rabbitmq: {
          arn: "a",
          queue: "letters",
          batchSize: 5,
          maximumBatchingWindow: 2,
          enabled: false,
        },
      },
    ],
  };
  const place = { functionKey: "mail", arn: "a", url: env.RABBITMQ_URL, vhost: "shop" };
  expect(sourcesOf(service(functions), env)).toEqual([
    { ...place, queue: "mails", batchSize: 100, windowMs: 500, enabled: true },
    { ...place, queue: "letters", batchSize: 5, windowMs: 2_000, enabled: false },
  ]);
});

test.each([
  ["amqp://h", undefined, "amqp://h/%2F", "/"],
  ["amqp://h/", undefined, "amqp://h/%2F", "/"],
  ["amqp://h/a%2Fb", undefined, "amqp://h/a%2Fb", "a/b"],
  ["amqps://h:5671/x", "/", "amqps://h:5671/%2F", "/"],
  ["amqp://h/x", "my shop", "amqp://h/my%20shop", "my shop"],
])("at %s with virtual host %s it connects to %s", (broker, virtualHost, url, vhost) => {
  const rabbitmq = { queue: "q", ...(virtualHost && { virtualHost }) };
  const custom = { offlineRabbitmq: { url: broker } };
  expect(sourcesOf(service({ a: [{ rabbitmq }] }, custom), env)).toMatchObject([{ url, vhost }]);
});

test("gives the event an ARN, also where only CloudFormation knows it", () => {
  const rabbitmq = { arn: { Ref: "Broker" }, queue: "q" };
  expect(sourcesOf(service({ a: [{ rabbitmq }] }), env)).toMatchObject([
    { arn: "arn:aws:mq:us-east-1:000000000000:broker:offline:b-0" },
  ]);
});

test("needs no broker when nothing has a trigger", () => {
  expect(sourcesOf(service({ door: [{ httpApi: "GET /" }] }), {})).toEqual([]);
});

test.each([
  [{}, {}, "(custom.offlineRabbitmq.url, or RABBITMQ_URL) is missing"],
  [
    { url: "http://h" },
    env,
    "(custom.offlineRabbitmq.url, or RABBITMQ_URL) is not an amqp:// or amqps:",
  ],
  [{ user: "me" }, env, "custom.offlineRabbitmq.user: is unknown; the only setting is url"],
])("refuses the settings %j", (offlineRabbitmq, variables, message) => {
  const wrong = service({ a: [{ rabbitmq: { queue: "q" } }] }, { offlineRabbitmq });
  expect(() => sourcesOf(wrong, variables)).toThrow(message);
});

test("names every trigger that Lambda would not take", () => {
  const functions = {
    a: [{ rabbitmq: { queue: "q", maximumRetryAttempts: 1 } }],
    b: [{ rabbitmq: { queue: "q", batchSize: 10_001 } }, { rabbitmq: {} }],
  };
  expect(() => sourcesOf(service(functions), env)).toThrow(
    [
      "rabbitmq events:",
      '  a.rabbitmq: Unrecognized key: "maximumRetryAttempts"',
      "  b.rabbitmq.batchSize: Too big: expected number to be <=10000",
      "  b.rabbitmq.queue: Invalid input: expected string, received undefined",
    ].join("\n"),
  );
});
