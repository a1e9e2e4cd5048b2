import { execFile } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collectionsOf, pointKinds } from "../../functions/qdrant-projector/collections.ts";
import { qdrant } from "../../functions/qdrant-projector/schema.ts";
import type { Place } from "../../kit/qdrant/names.ts";
import type { ProjectedEvent } from "../../functions/qdrant-projector/accepts.ts";
import { qdrantStore } from "../../kit/qdrant/store.ts";
import type { ReceivedEvent } from "../../functions/qdrant-projector/projection.ts";
import { qdrantVectors } from "../../functions/qdrant-projector/vectors.ts";
import { applyCollections, problemsWith, readAliases } from "../../infra/qdrant/collections.ts";
import { switchCollections } from "../../infra/qdrant/switching.ts";
import type { Embedder } from "../../kit/embedding/embedder.ts";
import { connect } from "../../kit/qdrant/connect.ts";
import { comparePoints, dumpPoints, expectedPoints } from "../shop/points.ts";
import { received } from "./neo4j.ts";
import { NEVER, newCollections, server, words, worker } from "./qdrant.ts";

const client = connect(server);
let place: Place;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ place, remove } = await newCollections());
});
afterAll(async () => {
  for (const name of Object.values(collectionsOf({ ...place, ...letters }))) {
    await client.deleteCollection(name);
  }
  await remove();
});

/** Another model, in other dimensions. */
const letters: Embedder = {
  model: "letters",
  dimensions: 26,
  embed: async (texts) =>
    texts.map((text) => {
      const counts = Array.from({ length: 26 }, () => 0);
      for (const letter of text.toLowerCase().match(/[a-z]/g) ?? []) {
        counts[letter.charCodeAt(0) - 97]! += 1;
      }
      return counts;
    }),
};

test("what is missing is named, and made; what stands is left alone", async () => {
  const collections = collectionsOf(place);
  expect(await problemsWith(server, place, qdrant.collections)).toEqual([]);
  expect(await readAliases(client, place.prefix, pointKinds)).toEqual(collections);

  await client.deleteCollection(collections.ticket);
  expect(await problemsWith(server, place, qdrant.collections)).toEqual([
    `collection ${collections.ticket}`,
  ]);
  const store = qdrantStore(server);
  const vectors = qdrantVectors({ store, embedder: words, place, random: Math.random });
  await expect(vectors.requireCollections()).rejects.toThrow(
    `Qdrant lacks collection ${collections.ticket}. \`warren vectors create\` makes what is missing.`,
  );

  const event = { tenant_id: "t", id: "e1", type: "message.sent" };
  const data = { message_id: "m1", ticket_id: "k1", author_id: "u1", content: "hello" };
  await worker(place).apply([received(worker(place), { ...event, data })], NEVER);
  await applyCollections(server, place, qdrant.collections);
  await vectors.requireCollections();
  expect((await client.count(collections.message)).count).toBe(1);
  expect(await readAliases(client, place.prefix, pointKinds)).toEqual(collections);
});

test("an index that is missing and vectors of another size are named", async () => {
  const collections = collectionsOf(place);
  await client.deleteCollection(collections.ticket);
  await client.createCollection(collections.ticket, { vectors: { size: 3, distance: "Dot" } });
  const missing = await problemsWith(server, place, qdrant.collections);
  expect(missing).toEqual([
    `${collections.ticket} with 8 dimensions, not 3`,
    `${collections.ticket} with distance Cosine, not Dot`,
    ...["keyword on tenant_id", "uuid on revision", "keyword on presence", "keyword on status"].map(
      (index) => `an index of type ${index} of ${collections.ticket}`,
    ),
    `an index of type keyword on owner_id of ${collections.ticket}`,
  ]);
  await expect(applyCollections(server, place, qdrant.collections)).rejects.toThrow(
    `Qdrant has something else under these names: it lacks ${missing[0]}; ${missing[1]}.`,
  );
  await client.deleteCollection(collections.ticket);
  await applyCollections(server, place, qdrant.collections);
});

test("tenants share a collection, which knows them", async () => {
  const info = await client.getCollection(collectionsOf(place).product);
  expect(info.config.hnsw_config).toMatchObject({ m: 0, payload_m: 16 });
  expect(info.payload_schema["tenant_id"]?.params).toMatchObject({ is_tenant: true });
});

test("another model gets collections of its own, all points in its vectors, and then the readers", async () => {
  const old = worker(place);
  let events = 0;
  const event = (type: string, data: object, second = 0) =>
    received(old, {
      tenant_id: "shop",
      id: `e${(events += 1)}`,
      type,
      data,
      timestamp: new Date(Date.UTC(2026, 10, 20, 10, 0, second)).toISOString(),
    });
  const chair = { product_id: "p1", name: "oak chair", price: 5, currency: "UAH" };
  const before = [
    event("product.created", chair),
    event("product.created", { ...chair, product_id: "p2", name: "glass table" }),
    event("product.deleted", { product_id: "p2" }, 1),
    event("product.stock.low", { product_id: "p1", sku: "s", quantity: 1 }),
    event("ticket.created", { ticket_id: "k1", title: "it wobbles", owner_id: "u1" }),
    event("message.sent", { message_id: "m2", ticket_id: "k1", author_id: "u2", content: "hm" }),
    event("interaction.viewed", { user_id: "u1", product_id: "p1" }),
    event("interaction.purchased", { user_id: "u1", product_id: "p2" }, 2),
  ];
  await old.apply(before, NEVER);

  const other = { ...place, model: letters.model, dimensions: letters.dimensions };
  const ask = {
    server,
    prefix: place.prefix,
    embedder: letters,
    schemas: [qdrant],
    report: () => {},
  };
  await expect(switchCollections(ask)).rejects.toThrow("`warren vectors create` first");
  await applyCollections(server, other, qdrant.collections);
  expect(await readAliases(client, place.prefix, pointKinds)).toEqual(collectionsOf(place));

  // The projector writes with the new model already.
  const collections = collectionsOf(other);
  const store = qdrantStore(server);
  const vectors = qdrantVectors({ store, embedder: letters, place: other, random: Math.random });
  const renamed = { product_id: "p1", changes: { name: "elm chair" } };
  const after = [event("product.updated", renamed, 3)];
  await vectors.write(after as ReceivedEvent[], NEVER);

  // The message of the first test, and two products, a ticket, a message and a profile.
  expect(await switchCollections(ask)).toBe(6);
  expect(await readAliases(client, place.prefix, pointKinds)).toEqual(collections);
  const all = [...before, ...after].map((each) => each.event as ProjectedEvent);
  const expected = await expectedPoints(all, letters);
  const actual = await dumpPoints(client, collections, ["shop"]);
  expect(comparePoints(expected, actual).differences).toEqual([]);
  expect(await switchCollections(ask)).toBe(0);
});

test("a Qdrant that does not answer is said in a line, without a stack", async () => {
  const env = { ...process.env, QDRANT_URL: "http://127.0.0.1:1", NODE_OPTIONS: "" };
  const cli = join(import.meta.dirname, "../../cli.ts");
  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile(process.execPath, [cli, "vectors", "check"], { env }, (error, _, text) =>
      resolve({ code: error?.code, stderr: text }),
    );
  });
  expect(stderr).toMatch(/^Qdrant does not answer: .*\n$/);
  expect(code).toBe(1);
});
