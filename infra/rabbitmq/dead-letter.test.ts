import type { GetMessage } from "amqplib";
import { expect, test } from "vitest";
import { deadLetterOf, grouped, isForgotten, isSelected, table } from "./dead-letter.ts";

const event = {
  id: "evt_1",
  type: "order.created",
  source: "shop",
  timestamp: "2026-11-21T10:00:00Z",
  tenant_id: "acme",
  data: { order_id: "o1" },
  metadata: { version: "1.0" },
};

function message(body: unknown, headers: Record<string, unknown> = {}, exchange = ""): GetMessage {
  const content = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  return { content, fields: { exchange }, properties: { headers } } as unknown as GetMessage;
}

const ours = {
  "warren-attempt": 4,
  "warren-generation": 2,
  "warren-reason": "refused",
  "warren-error": "no such label",
  "warren-dead-at": 1_795_000_000_000,
  "warren-first-failed-at": 1_794_999_000_000,
};

test("an event that came by the exchange and was not consumed says so", () => {
  expect(deadLetterOf(message(event, {}, "events"))).toMatchObject({
    id: "evt_1",
    attempts: 1,
    generation: 1,
    reason: "nobody consumes this type",
  });
});

test("reads what a function wrote on its dead letter", () => {
  expect(deadLetterOf(message(event, ours))).toEqual({
    id: "evt_1",
    source: "shop",
    tenant: "acme",
    type: "order.created",
    digest: expect.stringMatching(/^[\w-]{43}$/),
    generation: 2,
    attempts: 4,
    reason: "refused",
    error: "no such label",
    deadAt: 1_795_000_000_000,
    firstFailedAt: 1_794_999_000_000,
  });
});

test("reads what the broker wrote when it gave up", () => {
  const death = { reason: "delivery_limit", time: { "!": "timestamp", value: 1_795_000_000 } };
  expect(deadLetterOf(message(event, { "x-death": [death] }))).toMatchObject({
    id: "evt_1",
    reason: "by the broker: delivery_limit",
    deadAt: 1_795_000_000_000,
    attempts: 1,
    generation: 1,
  });
});

test("names what is no event by the hash of its body", () => {
  expect(deadLetterOf(message("not json"))).toMatchObject({
    id: "sha256:7ccfa1fbf394",
    tenant: undefined,
    type: undefined,
    reason: "unknown",
  });
});

test("names an event of the wrong shape by the id that it wears", () => {
  const letter = deadLetterOf(message({ id: "evt_2", type: "order.created", tenant_id: 7 }));
  expect(letter).toMatchObject({ id: "evt_2", type: "order.created", tenant: undefined });
});

test.each([["null"], ["[]"], ["7"], ['"text"']])("survives the body %s", (body) => {
  expect(deadLetterOf(message(body)).id).toMatch(/^sha256:/);
});

test.each([[null], ["x"], [[]], [[null]], [[{ reason: 7, time: "late" }]]])(
  "survives x-death %j",
  (death) => {
    expect(deadLetterOf(message(event, { "x-death": death })).reason).toBe("unknown");
  },
);

test("control characters of strangers do not reach the terminal", () => {
  const letter = deadLetterOf(message({ id: "a\u001B[31mb" }, { "warren-reason": "x\u0007y" }));
  expect(letter).toMatchObject({ id: "a [31mb", reason: "x y" });
});

test("copies of one event and generation are one line, other digests, tenants and sources are not", () => {
  const letters = [
    message(event, ours),
    message({ ...event, metadata: { version: "1.0", traceparent: "00-1" } }, ours),
    message({ ...event, data: { order_id: "o2" } }, ours),
    message({ ...event, tenant_id: "other" }, ours),
    message({ ...event, source: "other" }, ours),
    message(event, { ...ours, "warren-generation": 3 }),
  ].map(deadLetterOf);

  expect(grouped(letters).map(({ copies }) => copies)).toEqual([2, 1, 1, 1, 1]);
});

test("prints a line for each, under headings", () => {
  expect(table(grouped([deadLetterOf(message(event, ours))]))).toBe(
    [
      "DEAD AT               ID     TYPE           SOURCE  TENANT  ATTEMPTS  GENERATION  COPIES  REASON",
      "2026-11-18T11:06:40Z  evt_1  order.created  shop    acme    4         2           1       refused",
    ].join("\n"),
  );
});

test("selects by id, source, tenant and reason", () => {
  const letter = deadLetterOf(message(event, ours));
  const open = { ids: undefined, source: undefined, tenant: undefined, reason: undefined };

  expect(isSelected(open, letter)).toBe(true);
  expect(isSelected({ ...open, ids: new Set(["evt_1"]), tenant: "acme" }, letter)).toBe(true);
  expect(isSelected({ ...open, ids: new Set(["evt_1"]), tenant: "other" }, letter)).toBe(false);
  expect(isSelected({ ...open, source: "shop" }, letter)).toBe(true);
  expect(isSelected({ ...open, source: "other" }, letter)).toBe(false);
  expect(isSelected({ ...open, reason: "refused" }, letter)).toBe(true);
  expect(isSelected({ ...open, reason: "refuse" }, letter)).toBe(false);
});

test.each([
  ["30 days ago", Date.UTC(2026, 10, 1), false],
  ["more than 30 days ago", Date.UTC(2026, 10, 1) - 1, true],
  ["nobody knows when", undefined, false],
])("the ledger has forgotten what died %s: %s, %s", (_, deadAt, expected) => {
  expect(isForgotten({ deadAt }, Date.UTC(2026, 11, 1))).toBe(expected);
});
