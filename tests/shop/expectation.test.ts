import { expect, test } from "vitest";
import { parserOf } from "../../events/catalogue.ts";
import { accepts, type ProjectedEvent } from "../../functions/neo4j-projector/accepts.ts";
import { expectedGraph } from "./expectation.ts";

let count = 0;
function event(type: string, second: number, data: object, over: object = {}): ProjectedEvent {
  const timestamp = `2026-11-20T10:00:0${second}Z`;
  const id = `e${(count += 1)}`;
  const given = {
    id,
    type,
    source: "test",
    timestamp,
    tenant_id: "t",
    data,
    metadata: {},
    ...over,
  };
  return parserOf(accepts)(Buffer.from(JSON.stringify(given))).event;
}

const view = (second: number, over: object = {}) =>
  event(
    "interaction.viewed",
    second,
    { user_id: "u", product_id: 1, user_session: `s${second}` },
    over,
  );
const price = { price: "2.505", currency: "UAH" };
const propertiesOf = (events: ProjectedEvent[], label: string) =>
  expectedGraph(events).nodes.find(({ labels }) => labels.includes(label))?.properties;

test("counts interactions, from the first to the last, whatever comes when and how often", () => {
  const again = view(2);
  const { relationships } = expectedGraph([view(3), again, view(1), again]);
  expect(relationships).toEqual([
    {
      type: "VIEWED",
      from: "User t u",
      to: "Product t 1",
      properties: {
        count: 3,
        first_at: "2026-11-20T10:00:01.000000Z",
        last_at: "2026-11-20T10:00:03.000000Z",
        last_session: "s3",
        last_session_stamp: expect.stringMatching(/^2026-11-20T10:00:03.000000Z#e/),
      },
    },
  ]);
});

test("the same id of two tenants is two events", () => {
  const events = [view(1, { id: "e", tenant_id: "a" }), view(1, { id: "e", tenant_id: "b" })];
  expect(expectedGraph(events).relationships).toHaveLength(2);
});

test("the same id of two sources is two events", () => {
  const events = [view(1, { id: "e" }), view(1, { id: "e", source: "other" })];
  expect(expectedGraph(events).relationships[0]?.properties).toMatchObject({ count: 2 });
});

test("the newest value of each field counts, and null clears", () => {
  const events = [
    event("product.updated", 3, { product_id: "p", changes: { category: null } }),
    event("product.updated", 2, { product_id: "p", changes: { category: "lamps", ...price } }),
    event("product.created", 1, { product_id: "p", name: "Chair", price: 1, currency: "USD" }),
  ];
  expect(propertiesOf(events, "Product")).toMatchObject({
    name: "Chair",
    price_minor: 250,
    currency: "UAH",
  });
  expect(propertiesOf(events, "Product")).not.toHaveProperty("category");
});

test("a deletion clears what is older, and a later change brings the product back", () => {
  const created = event("product.created", 1, { product_id: "p", name: "Chair", ...price });
  const deleted = event("product.deleted", 2, { product_id: "p" });
  const renamed = event("product.updated", 3, { product_id: "p", changes: { name: "Stool" } });
  const gone = { product_id: "p", tenant_id: "t", deleted_stamp: expect.any(String) };

  expect(propertiesOf([deleted, created], "Product")).toEqual({
    ...gone,
    deleted_at: "2026-11-20T10:00:02.000000Z",
  });
  expect(propertiesOf([renamed, deleted, created], "Product")).toEqual({
    ...gone,
    name: "Stool",
    name_stamp: expect.any(String),
  });
});

test("an order has the lines of its newest version and the status that is furthest at the latest moment", () => {
  const order = (second: number, quantity: number) =>
    event("order.created", second, {
      order_id: "o",
      customer_id: "u",
      items: [
        { product_id: "p", quantity, price: "2.505" },
        { product_id: "p", quantity: 1, price: 3 },
      ],
      total: 10,
      currency: "UAH",
    });
  const events = [
    event("order.shipped", 3, { order_id: "o" }),
    event("order.confirmed", 3, { order_id: "o" }),
    order(2, 7),
    order(1, 5),
  ];
  expect(propertiesOf(events, "Order")).toMatchObject({ status: "shipped", total_minor: 1_000 });
  expect(propertiesOf(events, "Customer")).toEqual({ tenant_id: "t", user_id: "u" });
  expect(expectedGraph(events).relationships).toEqual([
    {
      type: "CONTAINS",
      from: "Order t o",
      to: "Product t p",
      properties: { line: 1, quantity: 7, price_minor: 250 },
    },
    {
      type: "CONTAINS",
      from: "Order t o",
      to: "Product t p",
      properties: { line: 2, quantity: 1, price_minor: 300 },
    },
    { type: "PLACED", from: "User t u", to: "Order t o", properties: {} },
  ]);
});

test("adds up points, whatever order they come in", () => {
  const points = (type: string, second: number, count: number) =>
    event(`customer.points.${type}`, second, { customer_id: "u", points: count });
  const events = [points("redeemed", 1, 40), points("earned", 3, 100), points("earned", 2, 5)];

  expect(propertiesOf([...events, events[0]!], "Customer")).toMatchObject({ points: 65 });
});

test("a payment is for an order, has its amount and the status that is furthest", () => {
  const payment = (type: string, second: number, more: object = {}) =>
    event(`payment.${type}`, second, { payment_id: "b", order_id: "o", ...more });
  const paid = { amount: "12.50", currency: "UAH" };
  const events = [
    payment("refund.completed", 3, { ...paid, amount: 1 }),
    payment("completed", 2),
    payment("failed", 2),
    payment("initiated", 1, paid),
  ];

  expect(propertiesOf(events.slice(1), "Payment")).toMatchObject({ status: "completed" });
  expect(propertiesOf(events, "Payment")).toMatchObject({
    status: "refunded",
    amount_minor: 1_250,
  });
  expect(expectedGraph(events).relationships).toEqual([
    { type: "FOR", from: "Payment t b", to: "Order t o", properties: {} },
  ]);
});

test("a ticket has its owner, those who watch it now, and what was written about it", () => {
  const watched = (second: number, watcher_ids: string[]) =>
    event("ticket.status_changed", second, { ticket_id: "x", new_status: "solved", watcher_ids });
  const message = { message_id: "m", ticket_id: "x", author_id: "w", content: "Hello" };
  const events = [
    watched(3, ["v", "w", "v"]),
    event("ticket.created", 1, { ticket_id: "x", title: "T", owner_id: "u", watcher_ids: ["z"] }),
    event("message.sent", 2, { ...message, sent_at: "2026-11-20T12:00:01.5+02:00" }),
  ];
  const [user, ticket] = [(id: string) => `User t ${id}`, "Ticket t x"];

  expect(propertiesOf(events, "Ticket")).toMatchObject({ title: "T", status: "solved" });
  expect(propertiesOf(events, "Message")).toMatchObject({ sent_at: "2026-11-20T10:00:01.500000Z" });
  expect(expectedGraph(events).relationships.map(({ type, from, to }) => [from, type, to])).toEqual(
    [
      ["Message t m", "ON", ticket],
      [user("u"), "OPENED", ticket],
      [user("v"), "WATCHES", ticket],
      [user("w"), "WATCHES", ticket],
      [user("w"), "WROTE", "Message t m"],
    ],
  );
});

test("a product has the newest price and stock, whichever event says so", () => {
  const events = [
    event("product.stock.out", 3, { product_id: "p" }),
    event("product.stock.updated", 2, { product_id: "p", quantity: 4 }),
    event("product.price.changed", 2, { product_id: "p", new_price: 3, currency: "UAH" }),
    event("product.updated", 1, { product_id: "p", changes: price }),
  ];
  expect(propertiesOf(events, "Product")).toMatchObject({ stock: 0, price_minor: 300 });
});
