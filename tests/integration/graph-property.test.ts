import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import type { ProjectedEvent } from "../../functions/neo4j-projector/consumer.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { dumpGraph, graphDriver } from "../shop/graph.ts";
import { expectedGraph } from "../shop/expectation.ts";
import { NEVER, newTenant, received, removeTenants, worker } from "./neo4j.ts";

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
  "order.shipped": fc.record({ order_id }),
  "order.delivered": fc.record({ order_id }),
  "order.cancelled": fc.record({ order_id }),
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
  "customer.created": fc.record({
    customer_id: user_id,
    email: fc.constantFrom("b@x.ua", undefined),
    name: text,
  }),
  "customer.updated": changed,
  "user.signup": fc.record({ user_id, email: fc.constantFrom("c@x.ua", undefined), name: text }),
} satisfies Record<ProjectedEvent["type"], fc.Arbitrary<unknown>>;

const event = fc.oneof(
  ...Object.entries(kinds).map(([type, data]) =>
    fc.record({ type: fc.constant(type), data: data as fc.Arbitrary<unknown>, timestamp: moment }),
  ),
);

/** A history, and every event of it at least once in an order and in groups of their own. */
const deliveries = fc
  .array(event, { minLength: 1, maxLength: 24 })
  .map((events) => events.map((each, i) => ({ ...each, id: `evt_${i}` })))
  .chain((history) =>
    fc
      .array(fc.nat(history.length - 1), { maxLength: 8 })
      .chain((repeats) => {
        const all = [...history.keys(), ...repeats];
        return fc.shuffledSubarray(all, { minLength: all.length });
      })
      .chain((order) =>
        fc.record({
          history: fc.constant(history),
          order: fc.constant(order),
          groups: fc.array(fc.integer({ min: 1, max: 8 }), {
            minLength: order.length,
            maxLength: order.length,
          }),
          together: fc.boolean(),
        }),
      ),
  );

test("any order, repetition and grouping of a history gives the one graph of its fold", async () => {
  await fc.assert(
    fc.asyncProperty(deliveries, async ({ history, order, groups, together }) => {
      const tenant_id = newTenant();
      const [{ consumer }, other] = workers as [(typeof workers)[0], (typeof workers)[0]];
      const events = history.map((each) => received(consumer, { ...each, tenant_id }));

      const batches: (typeof events)[] = [];
      for (let from = 0, i = 0; from < order.length; from += groups[i]!, i += 1) {
        batches.push(order.slice(from, from + groups[i]!).map((index) => events[index]!));
      }
      const deliver = async (to: Consumer, some: typeof batches) => {
        for (const batch of some) expect(await to.apply(batch, NEVER)).toEqual([]);
      };
      // One after the other, or all of them by two workers at the same time.
      if (together)
        await Promise.all([deliver(consumer, batches), deliver(other.consumer, batches)]);
      else await deliver(consumer, batches);

      const expected = expectedGraph(events.map((each) => each.event as ProjectedEvent));
      expect(await dumpGraph(driver, [tenant_id])).toEqual(expected);
    }),
    { numRuns: 300, interruptAfterTimeLimit: 60_000 },
  );
});
