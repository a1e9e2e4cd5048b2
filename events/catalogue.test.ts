import { expect, test } from "vitest";
import type * as z from "zod";
import { digestOf, InvalidEventError } from "../lib/envelope/envelope.ts";
import { aliases } from "./aliases.ts";
import {
  checkEvent,
  contracts,
  type EventType,
  eventTypes,
  parseEvent,
  parserOf,
} from "./catalogue.ts";
import type { Contract } from "./contract.ts";

const latest = Date.UTC(2030, 0);

const eventOf = (type: string, data: unknown, changes: object = {}) => ({
  id: "evt_1",
  type,
  source: "shop",
  timestamp: "2024-01-15T10:30:00Z",
  tenant_id: "default",
  data,
  metadata: { version: "1.0" },
  ...changes,
});
const bytes = (document: unknown) => Buffer.from(JSON.stringify(document));
const sampleOf = (type: string) => contracts.find((each) => each.type === type)!.sample;
const currentOf = (type: string) => contracts.find((each) => each.type === type)!.version;
const issuesOf = (type: string, changes: object) =>
  checkEvent(eventOf(type, { ...sampleOf(type), ...changes }), latest).issues;
const dataOf = (type: string, data: unknown) => parseEvent(bytes(eventOf(type, data))).event.data;

// Others join them; none of these may go, since producers send them.
const promised = `
  customer.created customer.points.earned customer.points.redeemed customer.segment.changed
  customer.tier.changed customer.updated
  interaction.added_to_cart interaction.purchased interaction.removed_from_cart interaction.viewed
  interaction.wishlisted
  message.sent
  notification.email notification.push notification.sms notification.telegram
  order.cancelled order.confirmed order.created order.delivered order.paid order.processing
  order.refunded order.shipped
  payment.completed payment.failed payment.initiated payment.refund.completed
  product.created product.deleted product.price.changed product.stock.low product.stock.out
  product.stock.updated product.updated
  search.reindex
  ticket.created ticket.status_changed ticket.updated
  user.signup`
  .trim()
  .split(/\s+/);

test("knows every type that was ever promised, each once", () => {
  expect(eventTypes).toEqual(expect.arrayContaining(promised));
  expect(new Set(eventTypes).size).toBe(eventTypes.length);
});

test.each(contracts)("reads its sample of $type, and again what it wrote", ({ type, sample }) => {
  const given = eventOf(type, sample, { note: "kept" });
  const { event, digest } = parseEvent(bytes(given));

  expect(event).toMatchObject({ ...given, timestamp: "2024-01-15T10:30:00.000000Z" });
  expect(parseEvent(bytes(event)).event).toEqual(event);
  expect(parseEvent(bytes({ ...given, timestamp: event.timestamp })).digest).toBe(digest);
});

test.each(contracts)("keeps unknown fields in the data of $type", ({ type, sample }) => {
  expect(dataOf(type, { ...sample, gift: { wrapped: true } })).toMatchObject({
    gift: { wrapped: true },
  });
});

test("counts an order's money in minor units, without binary fractions", () => {
  const order = {
    order_id: "o1",
    customer_id: "c1",
    items: [
      { product_id: 100, quantity: 3, price: 19.99 },
      { product_id: "p2", quantity: 1, price: "0.125" },
    ],
    total: 60.1,
    currency: "UAH",
  };

  expect(dataOf("order.created", order)).toMatchObject({
    status: "pending",
    total_minor: 6_010,
    items: [
      { product_id: "100", price_minor: 1_999 },
      { product_id: "p2", price_minor: 12 },
    ],
  });
});

test("digests the data as received, so that a later schema changes no digest", () => {
  const given = eventOf("order.created", sampleOf("order.created"), {
    timestamp: "2024-01-15T10:30:00.000000Z",
  });

  expect(parseEvent(bytes(given)).digest).toBe(digestOf(given));
});

test("refuses a total that is no whole number of minor units", () => {
  expect(issuesOf("order.created", { total: "1000.005" })).toEqual([
    { path: "data.total", message: "is no whole number of minor units of UAH" },
  ]);
  expect(issuesOf("order.created", { total: 0.5, currency: "JPY" })?.[0]?.path).toBe("data.total");
});

test("wants a changed price and its currency together", () => {
  const paths = (changes: object) => issuesOf("product.updated", { changes })?.map((i) => i.path);

  expect(paths({ price: 5 })).toEqual(["data.changes.currency"]);
  expect(paths({ currency: "UAH" })).toEqual(["data.changes.price"]);
  expect(paths({})).toEqual(["data.changes"]);
  expect(dataOf("product.updated", { product_id: "p", changes: { sku: null } })).toEqual({
    product_id: "p",
    changes: { sku: null },
  });
});

test("takes whoever signs up with an address alone by that address", () => {
  expect(dataOf("user.signup", { email: "test@example.com" })).toEqual({
    email: "test@example.com",
    user_id: "test@example.com",
  });
  expect(issuesOf("user.signup", { user_id: undefined, email: undefined })).toHaveLength(1);
});

test("names the wrong fields of envelope and data together", () => {
  const document = eventOf("order.created", { items: [{ quantity: 0 }] }, { tenant_id: "#" });

  expect(checkEvent(document, latest).issues?.map(({ path }) => path)).toEqual([
    "tenant_id",
    "data.order_id",
    "data.customer_id",
    "data.items.0.product_id",
    "data.items.0.quantity",
    "data.items.0.price",
    "data.total",
    "data.currency",
  ]);
});

test("refuses a document out of bounds and names the place", () => {
  expect(() => parseEvent(Buffer.from('{"a":1e999}'))).toThrow("a: is a number too large");
});

test("says which type it does not know, and which version", () => {
  expect(() => parseEvent(bytes(eventOf("order.eaten", {})))).toThrow(
    new InvalidEventError([
      { path: "type", message: "order.eaten is not an event type of this system" },
    ]),
  );
  const next = eventOf("order.delivered", { order_id: "o" }, { metadata: { version: "2.0" } });
  expect(checkEvent(next, latest).issues?.[0]?.path).toBe("metadata.version");
  const minor = eventOf("order.delivered", { order_id: "o" }, { metadata: { version: "1.7" } });
  expect(checkEvent(minor, latest).issues).toBeUndefined();
});

const former = contracts.flatMap(({ type, older = [] }: Contract<EventType, z.ZodType>) =>
  older.map(({ version, sample }) => ({ type, version, sample })),
);
test.each(former)("reads version $version of $type as the current one", (each) => {
  const { type, version, sample } = each;
  const given = eventOf(type, sample, { metadata: { version, user_id: "u" } });
  const { event, digest } = parseEvent(bytes(given));

  expect(event.metadata).toEqual({ version: currentOf(type), user_id: "u" });
  expect(parseEvent(bytes(event)).event).toEqual(event);
  // Over what came: a repeat of it must be the same event after the version is no longer current.
  expect(digest).toBe(digestOf({ ...given, timestamp: event.timestamp }));
});

test("an older version's fields get their present names, and what nobody knew is kept", () => {
  const data = { id: 7, ticketId: 8, authorId: "u", content: "c", starred: true };
  const event = eventOf("message.sent", data, { metadata: { version: "0.4" } });

  expect(parseEvent(bytes(event)).event.data).toEqual({
    message_id: "7",
    ticket_id: "8",
    author_id: "u",
    content: "c",
    starred: true,
  });
});

test("names what is wrong with an older version as that version calls it", () => {
  const metadata = { version: "0.1" };
  const data = { id: "m", ticketId: "t", content: 5 };

  for (const tenant_id of ["default", "#"]) {
    const event = eventOf("message.sent", data, { metadata, tenant_id });
    expect(checkEvent(event, latest).issues?.map(({ path }) => path)).toEqual([
      ...(tenant_id === "#" ? ["tenant_id"] : []),
      "data.authorId",
      "data.content",
    ]);
  }
});

test("says which versions of a type it reads", () => {
  const next = eventOf("message.sent", sampleOf("message.sent"), { metadata: { version: "2.0" } });
  expect(checkEvent(next, latest).issues).toEqual([
    { path: "metadata.version", message: "message.sent is known as version 1.x and 0.x only" },
  ]);
});

test("an alias is no type of its own, and names one", () => {
  for (const [alias, type] of aliases) {
    expect(eventTypes).not.toContain(alias);
    expect(eventTypes).toContain(type);
  }
});

test("refuses a stamp from the future that would win over every later change", () => {
  const now = () => Date.UTC(2024, 0, 15, 9, 29);
  const body = bytes(eventOf("order.delivered", { order_id: "o" }));

  expect(() => parseEvent(body, now)).toThrow("timestamp: lies in the future");
  expect(parseEvent(body, () => now() + 60_000).event.id).toBe("evt_1");
});

test("a consumer's parser refuses a type that the consumer does not accept", () => {
  const parse = parserOf(["order.delivered", "order.shipped"]);
  const delivered = bytes(eventOf("order.delivered", { order_id: "o" }));

  expect(parse(delivered)).toEqual(parseEvent(delivered));
  expect(() => parse(bytes(eventOf("user.signup", { user_id: "u" })))).toThrow(
    "type: this function does not accept the type user.signup",
  );
});

test("answers a document of any shape with issues", () => {
  for (const document of [null, 5, "x", [], {}, { type: 5, data: 5 }, { type: "order.paid" }]) {
    expect(checkEvent(document, latest).issues).not.toEqual([]);
  }
});

test("derives minor units itself, whatever a producer puts under their name", () => {
  const price = { changes: { name: "n", price_minor: "abc" }, product_id: "p" };
  const amount = { order_id: "o", payment: { payment_id: "x", amount_minor: 1.5 } };
  const parse = (type: string, data: object) =>
    contracts.find((each) => each.type === type)!.data.parse(data);

  expect(parse("product.updated", price)).toEqual({ product_id: "p", changes: { name: "n" } });
  expect(parse("order.paid", amount)).toEqual({ order_id: "o", payment: { payment_id: "x" } });
});

test("knows a phone number wherever the graph takes one", () => {
  const { data } = contracts.find(({ type }) => type === "user.signup")!;

  expect(data.safeParse({ user_id: "u", phone: { country: 380 } }).success).toBe(false);
});

test("takes the ids of Telegram's chats as numbers too", () => {
  const telegram = { message: "Hello", chat_id: -1001234567890 };
  expect(dataOf("notification.telegram", telegram)).toMatchObject({ chat_id: "-1001234567890" });
  expect(issuesOf("notification.telegram", { chat_id: "somebody" })?.[0]?.path).toBe(
    "data.chat_id",
  );
});

test("counts what is paid, paid back and charged anew in minor units", () => {
  const of = { order_id: "o", currency: "UAH" };

  expect(dataOf("payment.completed", { ...of, payment_id: "p", amount: 12.5 })).toMatchObject({
    amount_minor: 1_250,
  });
  expect(dataOf("payment.failed", { order_id: "o", payment_id: "p", amount_minor: 5 })).toEqual({
    order_id: "o",
    payment_id: "p",
  });
  expect(dataOf("order.refunded", { ...of, amount: "0.10" })).toMatchObject({ amount_minor: 10 });
  expect(
    dataOf("product.price.changed", {
      product_id: "p",
      old_price_minor: 1,
      new_price: "0.125",
      currency: "UAH",
    }),
  ).toEqual({ product_id: "p", new_price: "0.125", new_price_minor: 12, currency: "UAH" });
});

test("wants the currency of every amount that is paid", () => {
  const { issues } = checkEvent(
    eventOf("payment.initiated", { payment_id: "p", order_id: "o", amount: 1 }),
    latest,
  );
  expect(issues).toEqual([{ path: "data.currency", message: "is required with amount" }]);
});

test("takes points by the whole, more than none", () => {
  for (const points of [0, -1, 1.5, 2 ** 40]) {
    expect(issuesOf("customer.points.earned", { points })).toHaveLength(1);
  }
});
