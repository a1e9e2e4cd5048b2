import { describe, expect, test } from "vitest";
import { attributesOf, readItem } from "./dynamo-ledger.ts";
import { type Claimed, partitionKey } from "./ledger.ts";

const uuid = "0196f3a0-7c1e-7b52-9d0f-3c5a1e8b2d47";
const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

const largest: Claimed = {
  state: "claimed",
  rev: uuid,
  digest,
  token: `${uuid}:${uuid}`,
  until: Date.UTC(2100, 0, 1),
  attempt: 10,
  generation: 1_000,
  copy: Number.MAX_SAFE_INTEGER,
  deliveryCount: 1_000_000,
  crashes: [1, 2, 3].map(() => `${uuid}:${uuid}`),
  sending: true,
  shared: false,
  beneath: { state: "forwarded", rev: uuid, digest, attempt: "dead", generation: 1_000 },
};

test("the key joins consumer, tenant and id, whose separators are escaped", () => {
  expect(partitionKey("neo4j", "acme", "shop", "order-1")).toBe("neo4j#acme#shop#order-1");
  expect(partitionKey("a#b", "c%23", "#")).toBe("a%23b#c%2523#%23");
});

test("the largest row of usual names is one write unit, 1 KB", () => {
  const item = { pk: { S: "c".repeat(32) }, ...attributesOf(largest, Date.UTC(2100, 0, 1)) };
  const bytes = Object.entries(item).flatMap(([name, value]) => [name, ...Object.values(value)]);

  expect(Buffer.byteLength(bytes.join(""))).toBeLessThan(1_024);
});

describe("an item", () => {
  const pk = { S: "neo4j#acme#shop#order-1" };
  const written = { pk, ...attributesOf(largest, 1_000_000_999) };

  test("expires 30 days after the second it was written in", () => {
    expect(written.expires).toEqual({ N: String(1_000_000 + 2_592_000) });
    expect(readItem(written, 3_592_000_000 - 1)[1].past).toBe(false);
    expect(readItem(written, 3_592_000_000)[1].past).toBe(true);
  });

  test("is read as the row that was written", () => {
    expect(readItem(written, 0)).toStrictEqual([pk.S, { row: largest, past: false }]);
  });

  test.for([
    ["without a rev", { ...written, rev: undefined }, /"rev"/],
    [
      "of an unknown state",
      { ...written, body: { S: '{"state":"paused","digest":"d"}' } },
      /Invalid input/,
    ],
    ["with a body that is not JSON", { ...written, body: { S: "done" } }, /not valid JSON/],
  ] as const)("%s is unreadable, not absent", ([, item, problem]) => {
    const [, { row }] = readItem(JSON.parse(JSON.stringify(item)), 0);
    expect(row).toMatchObject({ state: "unreadable", error: expect.stringMatching(problem) });
  });
});
