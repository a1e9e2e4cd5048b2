import { expect, test } from "vitest";
import { checkEnvelope, digestOf, InvalidEventError, parseJson, stampOf } from "./envelope.ts";

const document = {
  id: "evt_1",
  type: "order.paid",
  source: "oms",
  timestamp: "2024-01-15T12:30:00.5+02:00",
  tenant_id: "shop",
  data: { order_id: "o1", items: [{ price: 500.0, sku: "A" }] },
  metadata: { version: "1.0" },
};
const latest = Date.UTC(2024, 0, 16);

function envelopeOf(changes: object = {}) {
  const { value, issues } = checkEnvelope({ ...document, ...changes }, latest);
  if (value === undefined) throw new InvalidEventError(issues);
  return value;
}
const pathsOf = (changes: object) =>
  checkEnvelope({ ...document, ...changes }, latest).issues?.map(({ path }) => path);
const digest = (changes: object = {}) => digestOf(envelopeOf(changes));

test("brings the timestamp to fixed width and keeps unknown fields and the data untouched", () => {
  const extra = { ...document, x: 1, metadata: { version: "1.3", y: 2 } };

  expect(envelopeOf(extra)).toEqual({ ...extra, timestamp: "2024-01-15T10:30:00.500000Z" });
  expect(envelopeOf().data).toBe(document.data);
});

test("takes an event without metadata for version 1.0, with the same digest", () => {
  const { metadata } = envelopeOf({ metadata: undefined });

  expect(metadata).toEqual({ version: "1.0" });
  expect(digest({ metadata: undefined })).toBe(digest());
  expect(digest({ metadata: {} })).toBe(digest());
});

test("names every wrong field", () => {
  const wrong = {
    id: "a b",
    type: "paid",
    source: "",
    timestamp: "yesterday",
    tenant_id: "a#b",
    correlation_id: 5,
    data: [],
    metadata: { version: "one" },
  };

  expect(pathsOf(wrong)).toEqual([
    "id",
    "type",
    "source",
    "timestamp",
    "tenant_id",
    "correlation_id",
    "data",
    "metadata.version",
  ]);
});

test.each([null, [], "x", 5, {}])("refuses %j as an event", (value) => {
  expect(checkEnvelope(value, latest).issues).not.toEqual([]);
});

test("bounds ids and types", () => {
  expect(pathsOf({ id: "x".repeat(129) })).toEqual(["id"]);
  expect(pathsOf({ id: "x".repeat(128) })).toBeUndefined();
  expect(pathsOf({ type: `a.${"b".repeat(127)}` })).toEqual(["type"]);
  for (const type of ["order.", ".paid", "Order.paid", "order..paid", "order.#", "order.*"]) {
    expect(pathsOf({ type })).toEqual(["type"]);
  }
});

test("refuses a timestamp after the given instant", () => {
  expect(pathsOf({ timestamp: "2024-01-16T00:00:00.001Z" })).toEqual(["timestamp"]);
  expect(pathsOf({ timestamp: "2024-01-16T00:00:00.000Z" })).toBeUndefined();
});

test("gives a re-encoded event the same digest", () => {
  const text =
    '{"data":{"items":[{"sku":"\\u0041","price":5e2}],"order_id":"o1"},"id":"evt_1","tenant_id":"shop",' +
    '"timestamp":"2024-01-15T10:30:00.500Z","source":"oms","type":"order.paid",' +
    '"correlation_id":"other","metadata":{"traceparent":"00-1","version":"1.0"}}';

  expect(digestOf(checkEnvelope(JSON.parse(text), latest).value!)).toBe(digest());
});

test.each([
  { type: "order.shipped" },
  { source: "crm" },
  { tenant_id: "other" },
  { timestamp: "2024-01-15T12:30:00.6+02:00" },
  { metadata: { version: "1.1" } },
  { data: { order_id: "o1", items: [{ price: 501, sku: "A" }] } },
])("gives an event that differs in %j another digest", (changes) => {
  expect(digest(changes)).not.toBe(digest());
});

test("keeps the digest as it is in ledgers written before", () => {
  expect(digest()).toBe("5Sp9P9cWWvhrwLgVYAeEjkiVECH4M3mGuB_KY_77eeg");
});

test("orders by time, then by id", () => {
  const early = stampOf(envelopeOf({ timestamp: "2024-01-15T10:30:00Z", id: "z" }));
  const late = stampOf(envelopeOf({ timestamp: "2024-01-15T10:30:00.1Z", id: "a" }));

  expect(early < late).toBe(true);
  expect(stampOf(envelopeOf({ id: "a" })) < stampOf(envelopeOf({ id: "b" }))).toBe(true);
  expect(stampOf(envelopeOf({ id: "a" })) < stampOf(envelopeOf({ id: "a-b" }))).toBe(true);
});

test("refuses a document beyond the wire's size", () => {
  const large = Buffer.alloc(256 * 1024 + 1, " ");

  expect(() => parseJson(large)).toThrow("event: is larger than 262144 bytes");
});

test("tells of many issues in one short message", () => {
  const issues = Array.from({ length: 9 }, (_, i) => ({ path: `data.${i}`, message: "is wrong" }));

  expect(new InvalidEventError(issues).message).toMatch(/^data\.0: is wrong; .*; and 4 more$/);
});
