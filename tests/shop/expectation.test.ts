import { expect, test } from "vitest";
import { parserOf } from "../../events/catalogue.ts";
import { accepts, type ProjectedEvent } from "../../functions/neo4j-projector/consumer.ts";
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
