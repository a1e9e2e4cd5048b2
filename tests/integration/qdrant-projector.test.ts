import { afterAll, beforeAll, expect, test } from "vitest";
import { pointId } from "../../functions/qdrant-projector/identity.ts";
import { connect } from "../../functions/qdrant-projector/qdrant.ts";
import { collectionsOf, type Place } from "../../functions/qdrant-projector/collections.ts";
import { received } from "./neo4j.ts";
import { NEVER, newCollections, server, worker } from "./qdrant.ts";

let place: Place;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ place, remove } = await newCollections());
});
afterAll(() => remove());

const client = connect(server);

async function pointOf(kind: "product" | "profile" | "ticket" | "message", id: string) {
  const [point] = await client.retrieve(collectionsOf(place)[kind], {
    ids: [pointId("t", id)],
    with_vector: true,
  });
  return point;
}

const event = (consumer: ReturnType<typeof worker>, id: string, type: string, data: object, timestamp = "2026-11-20T10:00:00Z") =>
  received(consumer, { tenant_id: "t", id, type, data, timestamp });

test("a product and who looked at it become points", async () => {
  const consumer = worker(place);
  const apply = (...events: ReturnType<typeof event>[]) => consumer.apply(events, NEVER);
  await apply(
    event(consumer, "e1", "product.created", { product_id: "p1", name: "Oak chair", price: 5, currency: "UAH", attributes: { b: 1, a: "x" } }),
    event(consumer, "e2", "interaction.viewed", { user_id: "u1", product_id: "p1" }),
    event(consumer, "e3", "interaction.viewed", { user_id: "u1", product_id: "p2" }),
  );
  console.log(JSON.stringify(await pointOf("product", "p1"), null, 1));
  console.log(JSON.stringify(await pointOf("profile", "u1"), null, 1));
  await apply(event(consumer, "e4", "product.created", { product_id: "p2", name: "table", price: 5, currency: "UAH" }));
  console.log(JSON.stringify(await pointOf("profile", "u1"), null, 1));
  await apply(event(consumer, "e5", "product.deleted", { product_id: "p1" }, "2026-11-20T10:00:01Z"),
    event(consumer, "e6", "search.reindex", { entity: "product", id: "p2" }));
  console.log(JSON.stringify(await pointOf("product", "p1"), null, 1));
  console.log(JSON.stringify(await pointOf("profile", "u1"), null, 1));
  expect(1).toBe(1);
});
