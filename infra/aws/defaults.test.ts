import { expect, test } from "vitest";
import { type FunctionOfOsls, giveDefaults } from "./defaults.ts";

const ledger = {
  Sid: "Ledger",
  Effect: "Allow",
  Action: ["dynamodb:GetItem"],
  Resource: "t",
} as const;
const consumers = {
  environment: { RABBITMQ_URL: "amqps://broker", LOG_LEVEL: "info" },
  permissions: [ledger],
  reservedConcurrency: 5,
};

test("a function of which only handler and queue are told is a whole consumer", () => {
  const mails: FunctionOfOsls = {
    name: "mails",
    events: [{ rabbitmq: { queue: "events.mails" } }],
  };
  giveDefaults({ mails }, consumers);
  expect(mails).toMatchObject({
    role: "MailsRole",
    package: { artifact: "dist/mails.zip" },
    environment: consumers.environment,
    permissions: [ledger],
    reservedConcurrency: 5,
  });
});

test("what a consumer says itself goes before", () => {
  const topic = { Sid: "Topic", Effect: "Allow", Action: ["sns:Publish"], Resource: "a" } as const;
  const mails: FunctionOfOsls = {
    name: "mails",
    events: [{ rabbitmq: { queue: "events.mails" } }],
    environment: { LOG_LEVEL: "debug" },
    permissions: [topic],
    reservedConcurrency: 1,
  };
  giveDefaults({ mails }, consumers);
  expect(mails).toMatchObject({
    environment: { RABBITMQ_URL: "amqps://broker", LOG_LEVEL: "debug" },
    permissions: [ledger, topic],
    reservedConcurrency: 1,
  });
});

test("a function without a queue is given no secret and no right of a consumer", () => {
  const prune: FunctionOfOsls = { name: "prune", events: [{ schedule: "rate(1 hour)" }] };
  giveDefaults({ prune }, consumers);
  expect(prune.environment).toBeUndefined();
  expect(prune.permissions).toBeUndefined();
});
