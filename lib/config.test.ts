import { expect, test } from "vitest";
import * as z from "zod";
import { ConfigError, ledger, readConfig, variables } from "./config.ts";

const schema = z.object(variables).and(ledger);
const url = "amqp://guest:s3cret@127.0.0.1:5672/shop";
const read = (env: Record<string, string>) => readConfig(schema, env);

function refusal(env: Record<string, string>): string {
  try {
    read(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

test("fills in the defaults", () => {
  expect(read({ RABBITMQ_URL: url, LEDGER_TABLE: "claims", LOG_LEVEL: "" })).toEqual({
    RABBITMQ_URL: url,
    RETRY_DELAYS: [5_000, 30_000, 300_000],
    RETRY_LATER_FOR: 86_400_000,
    LOG_LEVEL: "info",
    LEDGER: "dynamodb",
    LEDGER_TABLE: "claims",
  });
});

test("needs the address of Redis for a ledger there, also as host and port", () => {
  const env = { RABBITMQ_URL: url, LEDGER: "redis" };
  const address = (more: Record<string, string>) => read({ ...env, ...more });

  expect(address({ REDIS_URL: "rediss://al:pw@cache:6380/2" })).toMatchObject({
    LEDGER: "redis",
    REDIS_URL: "rediss://al:pw@cache:6380/2",
  });
  expect(address({ REDIS_ADDR: "cache:6379" })).toMatchObject({ REDIS_URL: "redis://cache:6379" });
  expect(refusal(env)).toContain("REDIS_URL: is required");
  expect(refusal({ ...env, REDIS_URL: "http://s3cret" })).toContain(
    "REDIS_URL: must be a redis:// or rediss:// URL",
  );
  expect(refusal({ ...env, REDIS_ADDR: "s3cret" })).toContain("REDIS_ADDR: must be host:port");
  expect(refusal({ ...env, REDIS_URL: "http://s3cret", REDIS_ADDR: "s3cret" })).not.toContain(
    "s3cret",
  );
  expect(refusal({ RABBITMQ_URL: url, LEDGER: "s3cret" })).toContain(
    "LEDGER: must be dynamodb, redis or none",
  );
});

test("needs no table without a ledger", () => {
  expect(read({ RABBITMQ_URL: url, LEDGER: "none" }).LEDGER).toBe("none");
});

test("names every wrong variable at once and prints no value", () => {
  const message = refusal({
    RABBITMQ_URL: "http://s3cret",
    RETRY_DELAYS: "s3cret",
    LOG_LEVEL: "s3cret",
  });

  expect(message).toContain("RABBITMQ_URL: must be an amqp:// or amqps:// URL");
  expect(message).toContain("RETRY_DELAYS: must be a duration");
  expect(message).toContain("LOG_LEVEL: ");
  expect(message).toContain("LEDGER_TABLE: is required");
  expect(message).not.toContain("s3cret");
});

test("reads durations with their units and refuses a ladder that does not ascend", () => {
  const delays = (RETRY_DELAYS: string) =>
    read({ RABBITMQ_URL: url, LEDGER: "none", RETRY_DELAYS }).RETRY_DELAYS;

  expect(delays("500ms, 5s,2m,1h")).toEqual([500, 5_000, 120_000, 3_600_000]);
  for (const wrong of ["5s,5s", "30s,5s", "0s", "25h", "5", "5 s", "5s,,1m"]) {
    expect(() => delays(wrong)).toThrow(/RETRY_DELAYS/);
  }
});

test("understands a retry count and a first delay as a doubling ladder", () => {
  const env = { RABBITMQ_URL: url, LEDGER: "none" };

  expect(
    read({ ...env, RABBITMQ_RETRY_COUNT: "3", RABBITMQ_RETRY_DELAY: "5s" }).RETRY_DELAYS,
  ).toEqual([5_000, 10_000, 20_000]);
  expect(refusal({ ...env, RABBITMQ_RETRY_COUNT: "0" })).toContain("RABBITMQ_RETRY_COUNT");
  expect(refusal({ ...env, RABBITMQ_RETRY_DELAY: "soon" })).toContain("RABBITMQ_RETRY_DELAY");
});

test("puts the broker's URL together from its parts, escaped", () => {
  const parts = {
    rabbitmq_hostname: "mq",
    rabbitmq_user: "al",
    rabbitmq_password: "p@ss/word",
    LEDGER: "none",
  };

  expect(read(parts).RABBITMQ_URL).toBe("amqp://al:p%40ss%2Fword@mq:5672/%2F");
  expect(refusal({ rabbitmq_hostname: "mq", LEDGER: "none" })).toContain("rabbitmq_password");
});

test("refuses a variable that is given under both names, and names both", () => {
  const message = refusal({
    RABBITMQ_URL: url,
    LEDGER: "none",
    RETRY_DELAYS: "5s",
    RABBITMQ_RETRY_COUNT: "3",
    rabbitmq_user: "al",
  });

  expect(message).toContain("RETRY_DELAYS: is also given as RABBITMQ_RETRY_COUNT");
  expect(message).toContain("RABBITMQ_URL: is also given as rabbitmq_user");
});

test("leaves alone what Kubernetes sets beside a service named rabbitmq", () => {
  const env = { RABBITMQ_URL: url, LEDGER: "none", RABBITMQ_PORT: "tcp://10.0.0.1:5672" };
  expect(read(env).RABBITMQ_URL).toBe(url);
});
