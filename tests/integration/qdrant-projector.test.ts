import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { collectionsOf } from "../../functions/qdrant-projector/collections.ts";
import type { Place } from "../../kit/qdrant/names.ts";
import { qdrantProjector } from "../../functions/qdrant-projector/consumer.ts";
import { qdrantStore, type Store } from "../../kit/qdrant/store.ts";
import { qdrantVectors } from "../../functions/qdrant-projector/vectors.ts";
import type { Embedder } from "../../kit/embedding/embedder.ts";
import type { Consumer } from "../../lib/pipeline/consumer.ts";
import { connect } from "../../kit/qdrant/connect.ts";
import { pointId } from "../../kit/qdrant/names.ts";
import { received } from "./neo4j.ts";
import { NEVER, newCollections, server, words, worker } from "./qdrant.ts";

const client = connect(server);
let place: Place;
let remove: () => Promise<void>;
let consumer: Consumer;
beforeAll(async () => {
  ({ place, remove } = await newCollections());
  consumer = worker(place);
});
afterAll(() => remove());

let tenants = 0;
let tenant_id: string;
let events = 0;
beforeEach(() => {
  tenant_id = `t${(tenants += 1)}`;
});

type Data = Record<string, unknown>;
const event = (type: string, data: Data, second = 0, id = `e${(events += 1)}`) =>
  received(consumer, {
    tenant_id,
    id,
    type,
    data,
    timestamp: new Date(Date.UTC(2026, 10, 20, 10, 0, second)).toISOString(),
  });
const created = (product_id: string, name: string, second = 0) =>
  event("product.created", { product_id, name, price: 5, currency: "UAH" }, second);
const viewed = (user_id: string, product_id: string, second = 0) =>
  event("interaction.viewed", { user_id, product_id }, second);
const apply = (...some: ReturnType<typeof event>[]) => consumer.apply(some, NEVER);

async function pointOf(kind: "product" | "profile" | "ticket" | "message", id: string) {
  const [point] = await client.retrieve(collectionsOf(place)[kind], {
    ids: [pointId(tenant_id, id)],
    with_vector: true,
  });
  return point && { ...point, vector: point.vector as number[] };
}

/** Names of products by nearness, as a reader asks for them. */
async function search(text: string): Promise<unknown[]> {
  const [query] = await words.embed([text], NEVER);
  const { points } = await client.query(collectionsOf(place).product, {
    query: query!,
    filter: {
      must: [
        { key: "tenant_id", match: { value: tenant_id } },
        { key: "presence", match: { value: "present" } },
      ],
    },
    with_payload: ["name"],
  });
  return points.map(({ payload }) => payload?.["name"]);
}

/** A worker into whose store somebody breaks. */
function workerWith(changes: (store: Store) => Partial<Store>, embedder: Embedder = words) {
  const store = qdrantStore(server);
  return qdrantProjector(
    qdrantVectors({
      store: { ...store, ...changes(store) },
      embedder,
      place,
      random: Math.random,
    }),
  );
}

test("of two changes in one group the newer stays, wherever it stands", async () => {
  await apply(created("p1", "newer", 2), created("p1", "older", 1));

  expect(await pointOf("product", "p1")).toMatchObject({ payload: { name: "newer" } });
});

test("a deleted product is not found, and an older event does not bring it back", async () => {
  await apply(created("p1", "oak chair"), created("p2", "oak table"));
  expect(await search("oak chair")).toEqual(["oak chair", "oak table"]);

  await apply(event("product.deleted", { product_id: "p1" }, 2));
  await apply(event("product.updated", { product_id: "p1", changes: { name: "late" } }, 1));
  expect(await search("oak chair")).toEqual(["oak table"]);

  await apply(event("product.updated", { product_id: "p1", changes: { name: "it is back" } }, 3));
  expect(await search("it is back")).toEqual(["it is back", "oak table"]);
});

test("products can be had by what is in stock", async () => {
  await apply(
    event("product.stock.updated", { product_id: "p1", sku: "red", quantity: 0 }),
    event("product.stock.low", { product_id: "p1", sku: "blue", quantity: 1 }),
    event("product.stock.out", { product_id: "p2" }),
  );
  const { points } = await client.scroll(collectionsOf(place).product, {
    filter: {
      must: [
        { key: "tenant_id", match: { value: tenant_id } },
        { key: "stock[].quantity", range: { gt: 0 } },
      ],
    },
  });
  expect(points.map(({ payload }) => payload?.["product_id"])).toEqual(["p1"]);
});

test("nobody finds another tenant's products", async () => {
  await apply(created("p1", "oak chair"));
  tenant_id = "somebody else";

  expect(await search("oak chair")).toEqual([]);
});

test("tickets and messages can be found, too", async () => {
  await apply(
    event("ticket.created", { ticket_id: "k1", title: "it wobbles", owner_id: "u1" }),
    event("ticket.status_changed", { ticket_id: "k1", new_status: "solved" }, 1),
    event("message.sent", { message_id: "m1", ticket_id: "k1", author_id: "u2", content: "hm" }),
  );

  expect(await pointOf("ticket", "k1")).toMatchObject({
    payload: {
      tenant_id,
      title: "it wobbles",
      status: "solved",
      owner_id: "u1",
      presence: "present",
    },
  });
  expect(await pointOf("message", "m1")).toMatchObject({
    payload: { tenant_id, ticket_id: "k1", author_id: "u2", content: "hm", presence: "present" },
  });
});

test("a change of price makes no vector anew, a reindex does", async () => {
  const texts: string[] = [];
  const embedder: Embedder = {
    ...words,
    embed(some, signal) {
      texts.push(...some);
      return words.embed(some, signal);
    },
  };
  consumer = workerWith(() => ({}), embedder);
  await apply(created("p1", "oak chair"));
  const { vector } = (await pointOf("product", "p1"))!;
  const priced = { product_id: "p1", new_price: 7, currency: "UAH" };
  await apply(event("product.price.changed", priced, 1));
  expect(texts).toEqual(["oak chair"]);
  expect(await pointOf("product", "p1")).toMatchObject({ payload: { price_minor: 700 }, vector });

  await apply(event("search.reindex", { entity: "product", id: "p1" }));
  expect(texts).toEqual(["oak chair", "oak chair"]);
  await apply(event("search.reindex", { entity: "product", id: "nobody" }));
  expect(await pointOf("product", "nobody")).toBe(undefined);
  consumer = worker(place);
});

test("a profile knows the latest 100 interactions", async () => {
  const all = Array.from({ length: 130 }, (_, i) => viewed("u1", `p${i}`, i));
  await apply(...all.slice(60));
  await apply(...all.slice(0, 90));

  const { payload } = (await pointOf("profile", "u1"))!;
  const { interactions } = payload as { interactions: { product_id: string }[] };
  expect(interactions.map(({ product_id }) => product_id)).toEqual(
    Array.from({ length: 100 }, (_, i) => `p${i + 30}`),
  );
});

test("a product that becomes known, another, or nothing changes all profiles that hold it", async () => {
  const users = Array.from({ length: 230 }, (_, i) => `u${i}`);
  await apply(created("p2", "glass table"), ...users.map((user) => viewed(user, "p1")));
  await apply(viewed("u7", "p2"));
  const directions = async () => {
    const all = await Promise.all(["u0", "u7", "u229"].map((user) => pointOf("profile", user)));
    return all.map((one) => one!.vector);
  };
  const vectorOf = async (id: string) => (await pointOf("product", id))!.vector;
  const zero = Array.from({ length: words.dimensions }, () => 0);
  expect(await directions()).toEqual([zero, await vectorOf("p2"), zero]);

  for (const [second, name] of ["oak chair", "red lamp"].entries()) {
    await apply(created("p1", name, second + 1));
    const one = await vectorOf("p1");
    expect(await directions()).toEqual([one, expect.not.arrayContaining(one), one]);
  }
  await apply(event("product.deleted", { product_id: "p1" }, 5));
  expect(await directions()).toEqual([zero, await vectorOf("p2"), zero]);
});

test("a merge that another worker overtook is done again, with both in it", async () => {
  await apply(created("p1", "oak chair"), viewed("u1", "p1"));
  let overtaken = 0;
  const slow = workerWith((store) => ({
    async write(collection, points, expected, signal) {
      if ((overtaken += 1) === 1) {
        await apply(
          event("product.updated", { product_id: "p1", changes: { category: "theirs" } }, 1),
        );
      }
      if (overtaken === 3) await apply(viewed("u1", "p2", 1));
      await store.write(collection, points, expected, signal);
    },
  }));
  const mine = event("product.updated", { product_id: "p1", changes: { sku: "mine" } }, 2);
  await slow.apply([mine], NEVER);
  expect(overtaken).toBe(2);
  await slow.apply([viewed("u1", "p3", 2)], NEVER);
  expect(overtaken).toBe(4);

  expect(await pointOf("product", "p1")).toMatchObject({
    payload: { name: "oak chair", category: "theirs", sku: "mine" },
  });
  expect(await pointOf("profile", "u1")).toMatchObject({
    payload: { products: ["p1", "p2", "p3"] },
  });
});

test("a first merge that another worker overtook is done again", async () => {
  const theirs = event("product.updated", { product_id: "p1", changes: { sku: "theirs" } });
  let written = 0;
  const slow = workerWith((store) => ({
    async write(...write) {
      if ((written += 1) === 1) await apply(theirs);
      await store.write(...write);
    },
  }));
  await slow.apply([created("p1", "oak chair")], NEVER);

  expect(await pointOf("product", "p1")).toMatchObject({
    payload: { name: "oak chair", sku: "theirs" },
  });
});

test("a profile is made of vectors that are still true once it is written", async () => {
  await apply(created("p1", "oak chair"));
  let renamed = false;
  const slow = workerWith((store) => ({
    async write(...write) {
      // After the vector was read, and before anybody could find the profile.
      if (!renamed) {
        renamed = true;
        await apply(created("p1", "glass table", 1));
      }
      await store.write(...write);
    },
  }));
  await slow.apply([viewed("u1", "p1")], NEVER);

  const { vector } = (await pointOf("product", "p1"))!;
  expect(await pointOf("profile", "u1")).toMatchObject({ vector });
});

test("who died between a product and its profiles leaves them to the next delivery", async () => {
  await apply(created("p1", "oak chair"), viewed("u1", "p1"));
  const renamed = created("p1", "glass table", 1);
  const dying = workerWith(() => ({
    find: () => Promise.reject(new Error("killed")),
  }));
  await expect(dying.apply([renamed], NEVER)).rejects.toThrow("killed");
  const { vector } = (await pointOf("product", "p1"))!;
  expect((await pointOf("profile", "u1"))!.vector).not.toEqual(vector);

  await apply(renamed);
  expect(await pointOf("profile", "u1")).toMatchObject({ vector });
});

test("points that others change again and again are given up, and tried later", async () => {
  const never = workerWith((store) => ({
    async write(collection, points, _, signal) {
      await store.write(collection, points, [], signal);
    },
  }));
  await apply(created("p1", "oak chair"));

  await expect(never.apply([created("p1", "glass table", 1)], NEVER)).rejects.toThrow(
    "other workers were first with 1 points, 20 times",
  );
});

test("a probe proves that points can be written", async () => {
  await consumer.probe(NEVER);
  const readOnly = workerWith(() => ({ rehearse: () => Promise.reject(new Error("read-only")) }));
  await expect(readOnly.probe(NEVER)).rejects.toThrow("read-only");
});
