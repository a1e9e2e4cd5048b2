import { randomUUID } from "node:crypto";
import { DeleteTableCommand, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run } from "../../infra/cli/program.ts";
import { ensureDirectoryTable } from "../../infra/dynamodb/directory-table.ts";
import type { Key } from "../../kit/people/directory.ts";
import { dynamoDirectory } from "../../kit/people/dynamo-directory.ts";
import { DirectoryUnavailableError } from "../../kit/people/errors.ts";
import { openDirectory } from "../../kit/people/open-directory.ts";
import { dynamoClient } from "../../lib/dynamo/client.ts";
import { OutageError } from "../../lib/pipeline/errors.ts";
import { directoryContract } from "../contract/directory.ts";
import { dynamoProxy, passOn } from "./dynamo-proxy.ts";
import { endpoint } from "./dynamo.ts";

const table = `test-directory-${randomUUID()}`;
const client = dynamoClient({ endpoint });
const never = new AbortController().signal;
const tools = { random: Math.random, nonce: randomUUID };
const open = () => dynamoDirectory({ client, table, ...tools });

beforeAll(async () => {
  const again = () => ensureDirectoryTable({ endpoint, table });
  await Promise.all([again(), again()]);
});
afterAll(async () => {
  await client.send(new DeleteTableCommand({ TableName: table }));
  client.destroy();
});

directoryContract("dynamoDirectory", open);

const key: Key = { tenant: "acme", kind: "user", id: "u#1" };
const fields = { email: { stamp: "2026-11-20T10:00:00.000000Z#evt_1", value: "a@example.com" } };

test("a document is an item that people can read", async () => {
  const directory = dynamoDirectory({ client, table, ...tools, nonce: () => "rev-7" });
  await directory.merge([{ key, fields }], never);

  const pk = { S: "user#acme#u%231" };
  const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: { pk } }));
  expect(Item).toEqual({ pk, rev: { S: "rev-7" }, body: { S: JSON.stringify(fields) } });
});

test("an item that is no document is an error, never an absent document", async () => {
  const Item = { pk: { S: "user#t#strange" }, rev: { S: "1" }, body: { S: '{"email":"a"}' } };
  await client.send(new PutItemCommand({ TableName: table, Item }));

  await expect(open().read([{ tenant: "t", kind: "user", id: "strange" }], never)).rejects.toThrow(
    DirectoryUnavailableError,
  );
});

describe("through a store that fails:", () => {
  let proxy: Awaited<ReturnType<typeof dynamoProxy>>;
  let through: ReturnType<typeof dynamoClient>;
  beforeAll(async () => {
    proxy = await dynamoProxy(endpoint);
    through = dynamoClient({ endpoint: proxy.endpoint });
  });
  afterAll(async () => {
    through.destroy();
    await proxy.close();
  });
  const faulty = (deadlineMs = 10_000) =>
    dynamoDirectory({ client: through, table, ...tools, deadlineMs });
  const own = (): Key => ({ tenant: "acme", kind: "user", id: randomUUID() });

  test("a merge whose answer was lost is there once, and is not merged again", async () => {
    const change = { key: own(), fields };

    proxy.play(passOn, async ({ forward, hangUp }) => {
      await forward();
      hangUp();
    });
    expect(await faulty().merge([change], never)).toEqual([]);

    expect(await open().read([change.key], never)).toEqual([fields]);
  });

  test("statements that were refused by throttling are tried again", async () => {
    const change = { key: own(), fields };
    const Error = { Code: "ThrottlingError", Message: "slow down" };

    proxy.play(passOn, ({ answer }) => answer(200, { Responses: [{ Error }] }));
    expect(await faulty().merge([change], never)).toEqual([]);

    expect(await open().read([change.key], never)).toEqual([fields]);
  });

  test("a store without an answer is an outage, within the deadline", async () => {
    proxy.playOn(() => {});
    try {
      const began = performance.now();
      const reading = faulty(300).read([own()], never);
      await expect(reading).rejects.toThrow(OutageError);
      await expect(reading).rejects.toThrow("no answer within 300 ms");
      await expect(faulty(300).probe(never)).rejects.toThrow(DirectoryUnavailableError);
      expect(performance.now() - began).toBeLessThan(2_000);
    } finally {
      proxy.play();
    }
  });

  test("an interruption ends a call at once", async () => {
    proxy.playOn(() => {});
    try {
      const reading = faulty().read([own()], AbortSignal.timeout(50));
      await expect(reading).rejects.toThrow("interrupted");
    } finally {
      proxy.play();
    }
  });
});

test("a table that is missing is named, with the command that makes it", async () => {
  vi.stubEnv("AWS_ENDPOINT_URL_DYNAMODB", endpoint);
  vi.spyOn(console, "log").mockReturnValue();
  const missing = openDirectory({ table: "not-there" });

  await expect(missing.requireTable()).rejects.toThrow(
    'There is no DynamoDB table "not-there" (DIRECTORY_TABLE). `warren directory create not-there` makes it.',
  );
  await missing.close();
  expect(await run(["directory", "create", table])).toBe(0);
  expect(await run(["directory", "check", table])).toBe(0);
  expect(await run(["directory", "drop", table])).toBe(2);
  vi.unstubAllEnvs();
});
