import { expect, test } from "vitest";
import * as dynamodb from "../dynamodb/service.ts";
import * as neo4j from "../neo4j/service.ts";
import * as qdrant from "../qdrant/service.ts";
import * as rabbitmq from "../rabbitmq/service.ts";
import * as redis from "../redis/service.ts";

const ports = { amqp: 1, management: 2, prometheus: 3, distribution: 4, epmd: 5 };

test("the broker listens on loopback alone, under a user and password of its own", () => {
  expect(rabbitmq.configurationOf({ ports, password: "secret" }).split("\n")).toEqual([
    "listeners.tcp.local = 127.0.0.1:1",
    "management.tcp.ip = 127.0.0.1",
    "management.tcp.port = 2",
    "prometheus.tcp.ip = 127.0.0.1",
    "prometheus.tcp.port = 3",
    "default_user = warren",
    "default_pass = secret",
    "",
  ]);
});

test("Erlang's own ports are on loopback too, and the caller's broker settings stay outside", () => {
  const env = rabbitmq.environmentOf(
    { folder: "/instance/rabbitmq" },
    { ports, password: "secret" },
    {
      PATH: "/bin",
      RABBITMQ_NODENAME: "production",
      ERL_FLAGS: "-x",
      RABBITMQ_URL: "amqp://other",
    },
  );
  expect(env).toMatchObject({
    PATH: "/bin",
    RABBITMQ_NODENAME: "warren@localhost",
    RABBITMQ_DIST_PORT: "4",
    ERL_AFLAGS: "-kernel inet_dist_use_interface {127,0,0,1}",
    ERL_EPMD_PORT: "5",
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
  });
  expect(env).not.toHaveProperty("ERL_FLAGS");
  expect(env).not.toHaveProperty("RABBITMQ_URL");
});

test("Neo4j and DynamoDB Local listen on loopback alone", () => {
  const lines = neo4j.configurationOf(7687).split("\n");
  expect(lines).toContain("server.bolt.listen_address=127.0.0.1:7687");
  expect(lines).toContain("server.http.enabled=false");
  expect(lines).toContain("dbms.security.auth_enabled=true");

  const xml = dynamodb.configurationOf(8000);
  expect(xml).toContain('<Set name="host">127.0.0.1</Set>');
  expect(xml).toContain('<Set name="port">8000</Set>');
});

test("Redis listens on loopback alone, with a password, and neither evicts nor forgets", () => {
  const text = redis.configurationOf("/instance/redis", {
    ports: { redis: 6379 },
    password: "secret",
  });
  expect(text.split("\n")).toEqual([
    "bind 127.0.0.1",
    "port 6379",
    "requirepass secret",
    'dir "/instance/redis/data"',
    "appendonly yes",
    "appendfsync always",
    'save ""',
    "maxmemory-policy noeviction",
    "",
  ]);
});

test("a broker in the environment is the user's own, under the older names too", () => {
  const { given } = rabbitmq.rabbitmq;
  expect(given({})).toBe(undefined);
  expect(given({ RABBITMQ_URL: "" })).toBe(undefined);
  expect(given({ RABBITMQ_URL: "amqp://a:b@mq" })).toEqual({ RABBITMQ_URL: "amqp://a:b@mq" });
  expect(given({ rabbitmq_hostname: "mq", rabbitmq_user: "a", rabbitmq_password: "b" })).toEqual({
    RABBITMQ_URL: "amqp://a:b@mq:5672/%2F",
  });
  expect(() => given({ RABBITMQ_URL: "http://mq" })).toThrow("RABBITMQ_URL");
});

test("a graph in the environment needs its user and password", () => {
  const { given } = neo4j.neo4j;
  const all = { NEO4J_URL: "bolt://db:7687", NEO4J_USER: "u", NEO4J_PASSWORD: "p" };
  expect(given({})).toBe(undefined);
  expect(given({ ...all, OTHER: "x" })).toEqual(all);
  expect(() => given({ NEO4J_URL: "bolt://db:7687" })).toThrow("NEO4J_PASSWORD: is required");
});

test("a DynamoDB in the environment gets made up credentials only on this machine", () => {
  const { given } = dynamodb.dynamodb;
  expect(given({})).toBe(undefined);
  expect(given({ AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:8000" })).toEqual({
    AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:8000",
    AWS_REGION: "local",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  });
  const remote = { AWS_ENDPOINT_URL_DYNAMODB: "https://dynamodb.eu-central-1.amazonaws.com" };
  expect(given(remote)).toEqual(remote);
});

test("a Redis in the environment is the user's own, also as host and port", () => {
  const { given } = redis.redis;
  expect(given({})).toBe(undefined);
  expect(given({ REDIS_URL: "redis://cache:6379" })).toEqual({ REDIS_URL: "redis://cache:6379" });
  expect(given({ REDIS_ADDR: "cache:6379" })).toEqual({ REDIS_URL: "redis://cache:6379" });
  expect(() => given({ REDIS_URL: "http://cache" })).toThrow("REDIS_URL");
});

test("a Qdrant in the environment is the user's own, with or without an API key", () => {
  const { given } = qdrant.qdrant;
  expect(given({})).toBe(undefined);
  expect(given({ QDRANT_URL: "http://db:6333" })).toEqual({ QDRANT_URL: "http://db:6333" });
  const all = { QDRANT_URL: "https://db:6333", QDRANT_API_KEY: "k" };
  expect(given({ ...all, OTHER: "x" })).toEqual(all);
  expect(() => given({ QDRANT_URL: "db:6333" })).toThrow("QDRANT_URL");
});
