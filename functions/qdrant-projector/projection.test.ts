import { expect, test } from "vitest";
import { at, eventOf, sampleOf } from "../../tests/events.ts";
import { accepts, type ProjectedEvent } from "./accepts.ts";
import { describe, type EntityKind, recall } from "./entities.ts";
import { mayTouchVector, project, type ReceivedEvent } from "./projection.ts";

const event = (...of: Parameters<typeof eventOf>): ReceivedEvent => ({
  event: eventOf<ProjectedEvent>(...of),
  digest: "digest",
});

/** The payload that these events give a point that did not exist. */
function payload(kind: EntityKind, ...events: ReceivedEvent[]) {
  const [change, ...others] = project(events)[kind];
  expect(others).toEqual([]);
  const { fingerprint: _, revision: __, ...rest } = describe(kind, change!, change!.state).payload;
  return rest;
}

test("a product has its fields to filter by, each with the stamp it comes from", () => {
  const created = event("product.created", "e1", 1, sampleOf("product.created"));
  const priced = event("product.price.changed", "e2", 2, sampleOf("product.price.changed"));

  expect(payload("product", created, priced)).toEqual({
    tenant_id: "t",
    product_id: "prod_456",
    name: "Oak chair",
    description: "Solid oak, oiled.",
    category: "chairs",
    sku: "SKU001",
    price_minor: 45_000,
    currency: "UAH",
    attributes: { colour: "natural", weight_kg: 5.2 },
    presence: "present",
    stamps: {
      attributes: `${at(1)}#e1#test#digest`,
      category: `${at(1)}#e1#test#digest`,
      description: `${at(1)}#e1#test#digest`,
      name: `${at(1)}#e1#test#digest`,
      price: `${at(2)}#e2#test#digest`,
      sku: `${at(1)}#e1#test#digest`,
    },
  });
});

test("what a contract does not name says nothing", () => {
  const changes = { priority: "low", status: { is: "new" }, owner_id: 7 };
  const updated = event("ticket.updated", "e1", 1, { ticket_id: "t1", changes });

  expect(payload("ticket", updated)).toEqual({
    tenant_id: "t",
    ticket_id: "t1",
    priority: "low",
    presence: "stub",
    stamps: { priority: `${at(1)}#e1#test#digest` },
  });
});

test("a product has its stock by SKU", () => {
  const red = { product_id: "p1", sku: "red" };
  const blue = { product_id: "p1", sku: "blue" };
  const events = [
    event("product.stock.updated", "e1", 1, { ...red, quantity: 5 }),
    event("product.stock.low", "e2", 1, { ...blue, quantity: 1 }),
    event("product.stock.out", "e3", 2, red),
  ];

  expect(payload("product", ...events)).toEqual({
    tenant_id: "t",
    product_id: "p1",
    presence: "stub",
    stock: [
      { sku: "blue", quantity: 1, stamp: `${at(1)}#e2#test#digest` },
      { sku: "red", quantity: 0, stamp: `${at(2)}#e3#test#digest` },
    ],
    stamps: {},
  });
});

test("a deletion takes what is older, whichever comes first, and keeps its stamp", () => {
  const created = event("product.created", "e1", 1, sampleOf("product.created"));
  const deleted = event("product.deleted", "e2", 2, { product_id: "prod_456" });
  const gone = {
    tenant_id: "t",
    product_id: "prod_456",
    presence: "deleted",
    stamps: {},
    deleted_stamp: `${at(2)}#e2#test#digest`,
  };

  expect(payload("product", created, deleted)).toEqual(gone);
  expect(payload("product", deleted, created)).toEqual(gone);

  const changes = { name: "It is back" };
  const revived = event("product.updated", "e3", 3, { product_id: "prod_456", changes });
  expect(payload("product", revived, deleted, created)).toEqual({
    ...gone,
    name: "It is back",
    presence: "present",
    stamps: { name: `${at(3)}#e3#test#digest` },
  });
});

test("the text of a vector is what people would search for", () => {
  const textOf = (kind: EntityKind, one: ReceivedEvent) => {
    const [change] = project([one])[kind];
    return describe(kind, change!, change!.state).text;
  };
  const of = (type: string) => event(type, "e1", 1, sampleOf(type));

  expect(textOf("product", of("product.created"))).toBe(
    "Oak chair\nSolid oak, oiled.\nchairs\ncolour natural\nweight_kg 5.2",
  );
  expect(textOf("ticket", of("ticket.created"))).toBe("The chair wobbles\nSince this morning.");
  expect(textOf("message", of("message.sent"))).toBe("@user_1 which leg is it?");
  // What nobody has named cannot be found by the rest.
  expect(textOf("ticket", of("ticket.updated"))).toBe("");
});

test("what a point holds is all that a later event needs to know", () => {
  const kinds = ["product", "ticket", "message"] as const;
  const samples = accepts.map((type, i) => event(type, `e${i}`, 1, sampleOf(type)));
  const changes = project(samples);
  for (const kind of kinds) {
    for (const { tenant_id, id, state } of changes[kind]) {
      const stored = describe(kind, { tenant_id, id }, state).payload;
      expect(recall(kind, stored)).toEqual({ tenant_id, id, state });
    }
  }
});

test("only what a product is described by can change its vector", () => {
  const touches = (type: string, data: object = sampleOf(type)) =>
    project([event(type, "e1", 1, data)]).product.map(mayTouchVector);

  expect(touches("product.created")).toEqual([true]);
  expect(touches("product.deleted")).toEqual([true]);
  expect(touches("search.reindex")).toEqual([true]);
  expect(touches("product.updated", { product_id: "p", changes: { category: "c" } })).toEqual([
    true,
  ]);
  expect(touches("product.updated")).toEqual([false]);
  expect(touches("product.price.changed")).toEqual([false]);
  expect(touches("product.stock.out")).toEqual([false]);
});

test("two tenants share no point", () => {
  const view = { user_id: "u1", product_id: "p1" };
  const { profiles } = project([
    event("interaction.viewed", "e1", 1, view),
    event("interaction.viewed", "e1", 1, view, "other"),
  ]);

  expect(profiles.map(({ tenant_id, interactions }) => [tenant_id, interactions.length])).toEqual([
    ["t", 1],
    ["other", 1],
  ]);
  expect(profiles[0]?.point).not.toBe(profiles[1]?.point);
});

test.each(accepts.map((type) => [type, sampleOf(type)] as const))(
  "%s changes one point",
  (type, sample) => {
    expect(Object.values(project([event(type, "e1", 1, sample)])).flat()).toHaveLength(1);
  },
);
