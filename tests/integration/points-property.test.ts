import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { collectionsOf } from "../../functions/qdrant-projector/collections.ts";
import type { Place } from "../../kit/qdrant/names.ts";
import type { ProjectedEvent } from "../../functions/qdrant-projector/accepts.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { connect } from "../../kit/qdrant/connect.ts";
import { comparePoints, dumpPoints, expectedPoints, type Points } from "../shop/points.ts";
import { deliver, deliveriesOf } from "./deliveries.ts";
import { received } from "./neo4j.ts";
import { newCollections, server, words, worker } from "./qdrant.ts";

const client = connect(server);
let place: Place;
let remove: () => Promise<void>;
let workers: Consumer[];
beforeAll(async () => {
  ({ place, remove } = await newCollections());
  workers = [worker(place), worker(place)];
});
afterAll(() => remove());

// Few names and few moments, so that events meet and moments tie.
const user_id = fc.constantFrom("u1", "u2");
const product_id = fc.constantFrom("p1", "p2", "p3");
const ticket_id = fc.constantFrom("t1", "t2");
const moment = fc.integer({ min: 0, max: 5 }).map((second) => `2026-11-20T10:00:0${second}Z`);
const name = fc.constantFrom("oak chair", "glass table", "red lamp");
const text = fc.constantFrom("a", "b", undefined);
const clearable = fc.constantFrom("a", "b", null, undefined);
const price = fc.constantFrom("1.00", "2.505", 3);
const currency = fc.constantFrom("UAH", "USD");
const sku = fc.constantFrom("s1", undefined);
const quantity = fc.integer({ min: -1, max: 2 });
const interaction = fc.record({ user_id, product_id });

const kinds = {
  "interaction.viewed": interaction,
  "interaction.added_to_cart": interaction,
  "interaction.removed_from_cart": interaction,
  "interaction.purchased": interaction,
  "interaction.wishlisted": interaction,
  "product.created": fc.record({
    product_id,
    name,
    description: text,
    category: text,
    price,
    currency,
    attributes: fc.constantFrom({ b: 1, a: "x" }, {}, undefined),
  }),
  "product.updated": fc.record({
    product_id,
    changes: fc.oneof(
      fc.record({ name, description: clearable, sku: clearable }),
      fc.record({ price, currency, category: clearable }),
      fc.record({ attributes: fc.constantFrom({ c: true }, {}) }),
    ),
  }),
  "product.deleted": fc.record({ product_id }),
  "product.price.changed": fc.record({ product_id, new_price: price, currency }),
  "product.stock.updated": fc.record({ product_id, sku, quantity }),
  "product.stock.low": fc.record({ product_id, sku, quantity }),
  "product.stock.out": fc.record({ product_id, sku }),
  "ticket.created": fc.record({ ticket_id, title: name, description: text, owner_id: user_id }),
  "ticket.updated": fc.record({
    ticket_id,
    changes: fc.record({ title: name, description: clearable, priority: clearable }),
  }),
  "ticket.status_changed": fc.record({ ticket_id, new_status: fc.constantFrom("open", "done") }),
  "message.sent": fc.record({
    message_id: fc.constantFrom("m1", "m2"),
    ticket_id,
    author_id: user_id,
    content: name,
  }),
  "search.reindex": fc.oneof(
    fc.record({ entity: fc.constant("product"), id: product_id }),
    fc.record({ entity: fc.constant("ticket"), id: ticket_id }),
  ),
} satisfies Record<ProjectedEvent["type"], fc.Arbitrary<unknown>>;

const event = fc.oneof(
  ...Object.entries(kinds).map(([type, data]) =>
    fc.record({ type: fc.constant(type), data: data as fc.Arbitrary<unknown>, timestamp: moment }),
  ),
);

const deliveries = deliveriesOf(fc.array(event, { minLength: 1, maxLength: 24 }));

test("any order, repetition and grouping of a history gives the points of its fold", async () => {
  await fc.assert(
    fc.asyncProperty(deliveries, async ({ history, batches: indexes, together }) => {
      const tenant_id = `t-${randomUUID()}`;
      const [one, other] = workers as [Consumer, Consumer];
      const events = history.map((each) => received(one, { ...each, tenant_id }));
      const batches = indexes.map((batch) => batch.map((index) => events[index]!));
      // One after the other, or all of them by two workers at the same time.
      if (together)
        await Promise.all([deliver(one, batches), deliver(other, batches.toReversed())]);
      else await deliver(one, batches);

      const expected = await expectedPoints(
        events.map((each) => each.event as ProjectedEvent),
        words,
      );
      const actual = await dumpPoints(client, collectionsOf(place), [tenant_id]);
      expect(comparePoints(expected, actual).differences).toEqual([]);
      expect(outdated(actual)).toEqual([]);

      // In one group, in the order of time: nothing is left to change, not even what is its own.
      await deliver(other, [events]);
      expect(await dumpPoints(client, collectionsOf(place), [tenant_id])).toEqual(actual);
    }),
    { numRuns: inject("long") ? 150 : 45, interruptAfterTimeLimit: 40_000 },
  );
});

/** Profiles that say of themselves that they are made of other vectors than the products have. */
function outdated(points: Points): string[] {
  return [...points].flatMap(([name, { payload }]) => {
    if (!name.startsWith("profile")) return [];
    const { tenant_id, products, basis } = payload as {
      tenant_id: string;
      products: string[];
      basis: string[];
    };
    const present = products.flatMap((id) => {
      const product = points.get(`product ${tenant_id} ${id}`);
      return product === undefined ? [] : [product.payload["fingerprint"] as string];
    });
    return present.every((one) => basis.includes(one)) ? [] : [name];
  });
}
