import { expect, test } from "vitest";
import { at, eventOf, sampleOf } from "../../tests/events.ts";
import { accepts, type ProjectedEvent } from "./accepts.ts";
import { factsOf } from "./facts.ts";
import { productGuards } from "./fields.ts";
import { project } from "./projection.ts";

const event = eventOf<ProjectedEvent>;

const view = (id: string, second: number, more: object = {}) =>
  event("interaction.viewed", id, second, { user_id: "u1", product_id: "p1", ...more });

test("interactions of a pair become one row: count, first and last, the newest session that was named", () => {
  const rows = project([
    view("e2", 2, { user_session: "s2" }),
    view("e1", 1, { user_session: "s1" }),
    view("e3", 3),
  ]);

  expect(rows.VIEWED).toEqual([
    {
      tenant_id: "t",
      id: "u1",
      products: [
        {
          product_id: "p1",
          count: 3n,
          first_at: at(1),
          last_at: at(3),
          session: "s2",
          session_stamp: `${at(2)}#e2#test`,
        },
      ],
    },
  ]);
  expect(rows.users).toEqual([{ tenant_id: "t", id: "u1" }]);
  expect(rows.products).toEqual([{ tenant_id: "t", id: "p1" }]);
  expect(rows.PURCHASED).toEqual([]);
});

test("nodes are sorted and named once, whatever the order of the events", () => {
  const events = [
    view("e1", 1, { user_id: "u2" }),
    view("e2", 1, { user_id: "u1" }),
    view("e3", 1, { user_id: "u2" }),
  ];
  const users = [
    { tenant_id: "t", id: "u1" },
    { tenant_id: "t", id: "u2" },
  ];

  expect(project(events).users).toEqual(users);
  expect(project(events.toReversed()).users).toEqual(users);
});

test("two tenants share nothing", () => {
  const ours = { user_id: "u1", product_id: "p1" };
  const rows = project([view("e1", 1), event("interaction.viewed", "e1", 1, ours, "other")]);

  expect(rows.users).toEqual([
    { tenant_id: "other", id: "u1" },
    { tenant_id: "t", id: "u1" },
  ]);
  expect(rows.VIEWED.map(({ products }) => products[0]?.count)).toEqual([1n, 1n]);
});

test.each<[type: string, data: object, guards: string[]]>([
  [
    "product.created",
    { product_id: "p1", name: "Chair", price: 5, currency: "UAH", stock: "12 pcs" },
    ["name_stamp", "price_stamp"],
  ],
  ["product.updated", { product_id: "p1", changes: { name: "Chair", stock: 1.5 } }, ["name_stamp"]],
  [
    "customer.created",
    { customer_id: "c1", name: "Olena", segment: { id: 7 }, tier: 3 },
    ["name_stamp"],
  ],
  [
    "customer.updated",
    { customer_id: "c1", changes: { name: "Olena", segment: ["vip"] } },
    ["name_stamp"],
  ],
  ["user.signup", { user_id: "u1", name: "Olena", tier: {} }, ["name_stamp"]],
  [
    "ticket.updated",
    { ticket_id: "t1", changes: { title: "Wobbles", status: { is: "new" } } },
    ["title_stamp"],
  ],
])("what a contract does not name says nothing: %s", (type, data, guards) => {
  const { userFields, productFields, ticketFields } = project([event(type, "e1", 1, data)]);
  const nodes = [...userFields, ...productFields, ...ticketFields];
  expect(nodes.flatMap(({ fields }) => fields.map(({ guard }) => guard))).toEqual(guards);
});

test("of several changes of a field the newest stays, field by field; equal times are decided by id", () => {
  const changes = (id: string, second: number, changed: object) =>
    event("product.updated", id, second, { product_id: "p1", changes: changed });
  const rows = project([
    changes("e9", 2, { name: "late" }),
    changes("e2", 1, { name: "early", sku: null }),
    changes("e1", 2, { name: "same time, lesser id", price: "1.005", currency: "UAH" }),
  ]);

  expect(rows.productFields).toEqual([
    {
      tenant_id: "t",
      id: "p1",
      fields: [
        {
          guard: "name_stamp",
          stamp: `${at(2)}#e9#test`,
          set: { name: "late", name_stamp: `${at(2)}#e9#test` },
        },
        {
          guard: "sku_stamp",
          stamp: `${at(1)}#e2#test`,
          set: { sku: null, sku_stamp: `${at(1)}#e2#test` },
        },
        {
          guard: "price_stamp",
          stamp: `${at(2)}#e1#test`,
          set: { price_minor: 100n, currency: "UAH", price_stamp: `${at(2)}#e1#test` },
        },
      ],
    },
  ]);
});

test("an order is a customer's, has a row per line, and its status is stamped with its rank", () => {
  const items = [
    { product_id: "p2", quantity: 2, price: "0.125" },
    { product_id: "p1", quantity: 1, price: 5 },
    { product_id: "p2", quantity: 1, price: 5 },
  ];
  const order = { order_id: "o1", customer_id: "u1", items, total: "10.50", currency: "UAH" };
  const rows = project([event("order.created", "e1", 1, order)]);

  expect(rows.customers).toEqual([{ tenant_id: "t", id: "u1" }]);
  expect(rows.products.map(({ id }) => id)).toEqual(["p1", "p2"]);
  expect(rows.orderStatuses).toEqual([
    { tenant_id: "t", id: "o1", status: "pending", stamp: `${at(1)}#0#e1#test` },
  ]);
  expect(rows.orderContents).toEqual([
    {
      tenant_id: "t",
      id: "o1",
      stamp: `${at(1)}#e1#test`,
      user_id: "u1",
      total_minor: 1_050n,
      currency: "UAH",
      lines: [
        { line: 1n, product_id: "p2", quantity: 2n, price_minor: 12n },
        { line: 2n, product_id: "p1", quantity: 1n, price_minor: 500n },
        { line: 3n, product_id: "p2", quantity: 1n, price_minor: 500n },
      ],
    },
  ]);
});

test("of statuses of one moment the one further on stays", () => {
  const rows = project([
    event("order.delivered", "e1", 1, { order_id: "o1" }),
    event("order.paid", "e2", 1, { order_id: "o1" }),
  ]);

  expect(rows.orderStatuses).toEqual([
    { tenant_id: "t", id: "o1", status: "delivered", stamp: `${at(1)}#5#e1#test` },
  ]);
});

test("points add up per customer, whatever was earned and redeemed", () => {
  const points = (type: string, id: string, customer_id: string, count: number) =>
    event(`customer.points.${type}`, id, 1, { customer_id, points: count });
  const rows = project([
    points("redeemed", "e1", "u1", 40),
    points("earned", "e2", "u2", 5),
    points("earned", "e3", "u1", 100),
  ]);

  expect(rows.points).toEqual([
    { tenant_id: "t", id: "u1", points: 60n },
    { tenant_id: "t", id: "u2", points: 5n },
  ]);
});

test("a payment's amount is what was to be paid, not what was paid back", () => {
  const payment = (type: string, id: string, second: number, amount: string) =>
    event(`payment.${type}`, id, second, {
      payment_id: "b1",
      order_id: "o1",
      amount,
      currency: "UAH",
    });
  const rows = project([
    payment("refund.completed", "e3", 2, "1.00"),
    payment("initiated", "e1", 1, "9.99"),
    payment("completed", "e2", 1, "10.00"),
  ]);

  expect(rows.paymentStatuses).toEqual([
    { tenant_id: "t", id: "b1", status: "refunded", stamp: `${at(2)}#3#e3#test` },
  ]);
  expect(rows.paymentFields).toMatchObject([
    { id: "b1", fields: [{ stamp: `${at(1)}#e2#test`, set: { amount_minor: 1_000n } }] },
  ]);
  expect(rows.paymentOrders).toEqual([
    { tenant_id: "t", id: "b1", order_id: "o1", stamp: `${at(2)}#e3#test` },
  ]);
});

test("who watches a ticket is whoever the newest event names, each once", () => {
  const rows = project([
    event("ticket.updated", "e2", 2, { ticket_id: "t1", changes: { title: "Still" } }),
    event("message.sent", "e1", 1, {
      message_id: "m1",
      ticket_id: "t1",
      author_id: "u3",
      content: "Hello",
      sent_at: "2026-11-20T11:59:59+02:00",
      watcher_ids: ["u2", "u1", "u2"],
    }),
  ]);

  expect(rows.ticketWatchers).toEqual([
    { tenant_id: "t", id: "t1", user_ids: ["u2", "u1"], stamp: `${at(1)}#e1#test` },
  ]);
  expect(rows.users.map(({ id }) => id)).toEqual(["u1", "u2", "u3"]);
  expect(rows.messagesSent).toEqual([
    {
      tenant_id: "t",
      id: "m1",
      user_id: "u3",
      ticket_id: "t1",
      sent_at: "2026-11-20T09:59:59.000000Z",
      stamp: `${at(1)}#e1#test`,
    },
  ]);
});

test("a price that changed is the product's price, and what is out of stock counts none", () => {
  const price = { product_id: "p1", old_price: 1, new_price: "2.50", currency: "UAH" };
  const rows = project([
    event("product.price.changed", "e1", 1, price),
    event("product.stock.low", "e2", 1, { product_id: "p1", quantity: 3 }),
    event("product.stock.out", "e3", 2, { product_id: "p1" }),
  ]);

  expect(rows.productFields[0]?.fields.map(({ set }) => set)).toEqual([
    { price_minor: 250n, currency: "UAH", price_stamp: `${at(1)}#e1#test` },
    { stock: 0n, stock_stamp: `${at(2)}#e3#test` },
  ]);
});

test("a deletion knows every field that a product can have", () => {
  const said = ["product.created", "product.stock.updated"].flatMap(
    (type) => factsOf(event(type, "e1", 1, sampleOf(type))).productFields ?? [],
  );

  expect(
    Object.fromEntries(
      said.map(({ guard, set }) => [guard, Object.keys(set).filter((name) => name !== guard)]),
    ),
  ).toEqual(productGuards);
});

test.each(accepts.map((type) => [type, sampleOf(type)] as const))(
  "%s says something about the graph",
  (type, sample) => {
    expect(Object.values(factsOf(event(type, "e1", 1, sample))).flat()).not.toEqual([]);
  },
);
