import fc from "fast-check";
import { afterAll, expect, inject, test } from "vitest";
import type { ProjectedEvent } from "../../functions/neo4j-projector/accepts.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { dumpGraph, graphDriver } from "../shop/graph.ts";
import { expectedGraph } from "../shop/expectation.ts";
import { deliver, deliveriesOf } from "./deliveries.ts";
import { newTenant, received, removeTenants, worker } from "./neo4j.ts";

const driver = graphDriver();
const workers = [worker(), worker()];
afterAll(async () => {
  await removeTenants(driver);
  await Promise.all([driver.close(), ...workers.map(({ graph }) => graph.close())]);
});

// Few names and few moments, so that events meet and moments tie.
const user_id = fc.constantFrom("u1", "u2", "u3");
const product_id = fc.constantFrom("p1", "p2", "p3");
const order_id = fc.constantFrom("o1", "o2");
const payment_id = fc.constantFrom("b1", "b2");
const ticket_id = fc.constantFrom("t1", "t2");
const moment = fc.integer({ min: 0, max: 5 }).map((second) => `2026-11-20T10:00:0${second}Z`);
const user_session = fc.constantFrom("s1", "s2", undefined);
const text = fc.constantFrom("a", "b", undefined);
const clearable = fc.constantFrom("a", "b", null, undefined);
const price = fc.constantFrom("1.00", "2.505", 3);
const currency = fc.constantFrom("UAH", "USD");

const items = fc.array(fc.record({ product_id, quantity: fc.integer({ min: 1, max: 3 }), price }), {
  minLength: 1,
  maxLength: 3,
});
const changed = fc.record({
  customer_id: user_id,
  changes: fc.record({
    email: fc.constantFrom("a@x.ua", null, undefined),
    name: fc.constantFrom("a", "b", null),
    phone: clearable,
  }),
});

const points = fc.integer({ min: 1, max: 9 });
const payment = fc.oneof(
  fc.record({ payment_id, order_id }),
  fc.record({ payment_id, order_id, amount: fc.constantFrom("1.50", 2), currency }),
);
const quantity = fc.integer({ min: -1, max: 3 });
const watcher_ids = fc.option(fc.array(user_id, { maxLength: 3 }), { nil: undefined });
const status = fc.constantFrom("open", "solved");

const kinds = {
  "interaction.viewed": fc.record({ user_id, product_id, user_session }),
  "interaction.added_to_cart": fc.record({ user_id, product_id, user_session }),
  "interaction.removed_from_cart": fc.record({ user_id, product_id, user_session }),
  "interaction.purchased": fc.record({ user_id, product_id, user_session }),
  "interaction.wishlisted": fc.record({ user_id, product_id, user_session }),
  "order.created": fc.record({
    order_id,
    customer_id: user_id,
    items,
    total: fc.constantFrom(10, "20.50"),
    currency,
    status: fc.constantFrom("pending", "paid", "refunded", undefined),
  }),
  "order.confirmed": fc.record({ order_id }),
  "order.paid": fc.record({ order_id }),
  "order.processing": fc.record({ order_id, customer_id: user_id }),
  "order.shipped": fc.record({ order_id }),
  "order.delivered": fc.record({ order_id }),
  "order.cancelled": fc.record({ order_id }),
  "order.refunded": fc.record({ order_id, amount: fc.constant("1.00"), currency }),
  "payment.initiated": payment,
  "payment.completed": payment,
  "payment.failed": payment,
  "payment.refund.completed": payment,
  "product.created": fc.record({
    product_id,
    name: fc.constantFrom("chair", "table"),
    description: text,
    category: text,
    sku: text,
    price,
    currency,
    attributes: fc.constantFrom({ b: 1, a: "x" }, {}, undefined),
  }),
  "product.updated": fc.record({
    product_id,
    changes: fc.oneof(
      fc.record({
        name: fc.constantFrom("chair", "table"),
        description: clearable,
        sku: clearable,
      }),
      fc.record({ price, currency, category: clearable }),
      fc.record({ attributes: fc.constantFrom({ c: true }, {}) }),
    ),
  }),
  "product.deleted": fc.record({ product_id }),
  "product.price.changed": fc.record({ product_id, new_price: price, currency }),
  "product.stock.updated": fc.record({ product_id, quantity }),
  "product.stock.low": fc.record({ product_id, quantity }),
  "product.stock.out": fc.record({ product_id }),
  "customer.created": fc.record({
    customer_id: user_id,
    email: fc.constantFrom("b@x.ua", undefined),
    name: text,
  }),
  "customer.updated": changed,
  "customer.segment.changed": fc.record({ customer_id: user_id, new_segment: status }),
  "customer.tier.changed": fc.record({ customer_id: user_id, new_tier: status }),
  "customer.points.earned": fc.record({ customer_id: user_id, points }),
  "customer.points.redeemed": fc.record({ customer_id: user_id, points }),
  "user.signup": fc.record({ user_id, email: fc.constantFrom("c@x.ua", undefined), name: text }),
  "ticket.created": fc.record({
    ticket_id,
    title: fc.constantFrom("a", "b"),
    owner_id: user_id,
    watcher_ids,
    status: fc.constantFrom("open", undefined),
    priority: text,
  }),
  "ticket.updated": fc.record({
    ticket_id,
    changes: fc.record({ title: fc.constantFrom("c", "d"), priority: clearable, watcher_ids }),
  }),
  "ticket.status_changed": fc.record({ ticket_id, new_status: status, watcher_ids }),
  "message.sent": fc.record({
    message_id: fc.constantFrom("m1", "m2"),
    ticket_id,
    author_id: user_id,
    content: fc.constant("c"),
    sent_at: fc.constantFrom("2026-11-20T12:00:01.5+02:00", undefined),
    watcher_ids,
  }),
} satisfies Record<ProjectedEvent["type"], fc.Arbitrary<unknown>>;

const eventOf = (type: string, data: fc.Arbitrary<unknown>) =>
  fc.record({ type: fc.constant(type), data, timestamp: moment });
const entities = Map.groupBy(Object.entries(kinds), ([type]) => type.slice(0, type.indexOf(".")));

/** About one or two kinds of entities, else those that concern each other would seldom meet. */
const events = fc.subarray([...entities.values()], { minLength: 1, maxLength: 2 }).chain((some) =>
  fc.array(fc.oneof(...some.flat().map(([type, data]) => eventOf(type, data))), {
    minLength: 1,
    maxLength: 24,
  }),
);

const deliveries = deliveriesOf(events);

/** Histories at a time. */
const LANES = 3;

test("any order, repetition and grouping of a history gives the one graph of its fold", async () => {
  const property = fc.asyncProperty(deliveries, async ({ history, batches: indexes, together }) => {
    const tenant_id = newTenant();
    const [one, other] = workers.map(({ consumer }) => consumer) as [Consumer, Consumer];
    const events = history.map((each) => received(one, { ...each, tenant_id }));
    const batches = indexes.map((batch) => batch.map((index) => events[index]!));
    // One after the other, or all of them by two workers at the same time.
    if (together) await Promise.all([deliver(one, batches), deliver(other, batches)]);
    else await deliver(one, batches);

    const expected = expectedGraph(events.map((each) => each.event as ProjectedEvent));
    expect(await dumpGraph(driver, [tenant_id])).toEqual(expected);
  });
  // Much of a run is waiting for commits.
  const limits = { numRuns: (inject("long") ? 300 : 90) / LANES, interruptAfterTimeLimit: 60_000 };
  await Promise.all(Array.from({ length: LANES }, () => fc.assert(property, limits)));
});
