import {
  CreateTableCommand,
  DescribeTimeToLiveCommand,
  GetItemCommand,
  PutItemCommand,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { run } from "../../infra/cli/program.ts";
import { ensureLedgerTable, ledgerTable } from "../../infra/dynamodb/table.ts";
import { dynamoLedger } from "../../lib/ledger/dynamo-ledger.ts";
import { requireLedgerTable } from "../../lib/dynamo/table.ts";
import type { Done, Key, Ledger } from "../../lib/ledger/ledger.ts";
import { slotOf } from "../../lib/ledger/slot.ts";
import { openLedger } from "../../lib/ledger/open-ledger.ts";
import { ledgerContract } from "../contract/ledger.ts";
import { createTable, endpoint } from "./dynamo.ts";
import { asked } from "../contract/rows.ts";

let table: string;
let client: DynamoDBClient;
let remove: () => Promise<void>;
const requests: string[] = [];

beforeAll(async () => {
  ({ table, client, remove } = await createTable());
  client.middlewareStack.add(
    (next, { commandName }) => {
      return (args) => {
        requests.push(String(commandName));
        return next(args);
      };
    },
    { step: "finalizeRequest", name: "count", priority: "low" },
  );
});
afterEach(() => void vi.unstubAllEnvs());
afterAll(() => remove());

const tools = { now: Date.now, random: Math.random };
const open = (consumer: string) =>
  dynamoLedger({ client, table, consumer, doneSets: false, ...tools });

ledgerContract("dynamoLedger", (options) =>
  dynamoLedger({ client, table, doneSets: false, ...tools, ...options }),
);
ledgerContract("dynamoLedger with done sets", (options) =>
  withTimes(dynamoLedger({ client, table, doneSets: true, ...tools, ...options })),
);

/** The same events, but ids that have no time are behind one second's. */
function withTimes(ledger: Ledger): Ledger {
  const timed = <One extends { key: Key }>(all: readonly One[]): One[] =>
    all.map((one) => {
      const id = slotOf(one.key.id)
        ? one.key.id
        : `${one.key.id}_0196f3a0-7c1e-7b52-9d0f-3c5a1e8b2d47`;
      return { ...one, key: { ...one.key, id } };
    });
  return {
    look: (events) => ledger.look(timed(events)),
    swap: (changes) => ledger.swap(timed(changes)),
    complete: (changes) => ledger.complete(timed(changes)),
  };
}

test("a full batch is read by 10 requests and written by 40", async () => {
  const ledger = open("full-batch");
  const keys = Array.from({ length: 1_000 }, (_, index) => ({
    tenant: "t",
    source: "shop",
    id: `${index}`,
  }));

  requests.length = 0;
  await ledger.look(keys.map(asked));
  expect(requests).toEqual(Array.from({ length: 10 }, () => "BatchGetItemCommand"));

  requests.length = 0;
  await ledger.swap(keys.map((key, index) => ({ key, over: undefined, to: done(index) })));
  expect(requests).toEqual(Array.from({ length: 40 }, () => "BatchExecuteStatementCommand"));
});

test("a row is an item that people can read, and that the table's TTL removes", async () => {
  const key = { tenant: "acme", source: "shop", id: "order-1" };
  const ledger = dynamoLedger({
    client,
    table,
    consumer: "neo4j",
    doneSets: false,
    now: () => Date.UTC(2100, 0, 1),
    random: Math.random,
  });
  await ledger.swap([{ key, over: undefined, to: done(7) }]);

  const pk = { S: "neo4j#acme#shop#order-1" };
  const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: { pk } }));
  expect(Item).toEqual({
    pk,
    rev: { S: "rev-7" },
    body: { S: '{"state":"done","digest":"digest"}' },
    expires: { N: String(Date.UTC(2100, 0, 31) / 1_000) },
  });
  const ttl = await client.send(new DescribeTimeToLiveCommand({ TableName: table }));
  expect(ttl.TimeToLiveDescription).toEqual({
    AttributeName: "expires",
    TimeToLiveStatus: "ENABLED",
  });
});

test("an item that is no row is unreadable, never an absent row", async () => {
  const Item = {
    pk: { S: "c#t#shop#strange" },
    rev: { S: "1" },
    body: { S: "{}" },
    expires: { N: "4102444800" },
  };
  await client.send(new PutItemCommand({ TableName: table, Item }));

  const key = { tenant: "t", source: "shop", id: "strange" };
  expect(await open("c").look([asked(key)])).toMatchObject([{ state: "unreadable" }]);
});

test("a table's name that could change a statement is refused", () => {
  expect(() =>
    dynamoLedger({ client, table: 'x" ', consumer: "c", doneSets: false, ...tools }),
  ).toThrow('"x" " names no DynamoDB table');
});

describe("the table", () => {
  test("may be ensured by several at once, and again", async () => {
    const again = () => ensureLedgerTable({ endpoint, table: `${table}-ensured` });
    await Promise.all([again(), again(), again()]);
    await again();

    await expect(
      requireLedgerTable({ client, table: `${table}-ensured` }),
    ).resolves.toBeUndefined();
  });

  test("that is missing is named, with the command that makes it", async () => {
    await expect(requireLedgerTable({ client, table: "not-there" })).rejects.toThrow(
      'There is no DynamoDB table "not-there" (LEDGER_TABLE). `warren ledger create not-there` makes it.',
    );
  });

  test("that is something else is refused", async () => {
    const other = `${table}-other`;
    await client.send(
      new CreateTableCommand({
        ...ledgerTable(other),
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      }),
    );

    await expect(requireLedgerTable({ client, table: other })).rejects.toThrow(
      `"${other}" (LEDGER_TABLE) is no ledger: its key is id, not pk`,
    );
    await expect(ensureLedgerTable({ endpoint, table: other })).rejects.toThrow("is no ledger");
  });

  test("is made and checked by the command", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL_DYNAMODB", endpoint);
    vi.spyOn(console, "log").mockReturnValue();

    expect(await run(["ledger", "create", `${table}-made`])).toBe(0);
    expect(await run(["ledger", "check", `${table}-made`])).toBe(0);
    const complain = vi.spyOn(console, "error").mockReturnValue();
    expect(await run(["ledger", "check", "not-there"])).toBe(1);
    expect(complain.mock.lastCall).toEqual([
      expect.stringContaining('There is no DynamoDB table "not-there"'),
    ]);
  });
});

describe("openLedger", () => {
  const consumer = { name: "neo4j", repeatable: false };

  test("opens the table of the configuration at the SDK's endpoint", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL_DYNAMODB", endpoint);
    const config = { LEDGER: "dynamodb", LEDGER_TABLE: table } as const;
    const key = { tenant: "t", source: "shop", id: "opened" };

    const ledger = await openLedger({ config, consumer, ...tools, warn: () => {} });
    await ledger.swap([{ key, over: undefined, to: done(1) }]);

    expect(await open("neo4j").look([key].map(asked))).toEqual([done(1)]);
  });

  test("refuses a table that is missing", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL_DYNAMODB", endpoint);
    const config = { LEDGER: "dynamodb", LEDGER_TABLE: "not-there" } as const;

    await expect(openLedger({ config, consumer, ...tools, warn: () => {} })).rejects.toThrow(
      "not-there",
    );
  });
});

function done(index: number): Done {
  return { state: "done", rev: `rev-${index}`, digest: "digest" };
}
