import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { PURCHASE_WEIGHT } from "../../functions/recommend/vectors.ts";
import { weights } from "../../functions/qdrant-projector/profiles.ts";
import { newTenant } from "./neo4j.ts";
import { type Event, type Recommending, startRecommending } from "./recommending.ts";

let on: Recommending;
beforeAll(async () => {
  on = await startRecommending();
});
afterAll(() => on?.close());
afterEach(() => {
  on.qdrant.restore();
  on.neo4j.restore();
  const bugs = on.errors.splice(0);
  if (bugs.length > 0) throw new AggregateError(bugs, "the app met something unexpected");
});

/** A tenant with a history of its own; seconds pass between its events. */
function shop() {
  const tenant_id = newTenant();
  const events: Event[] = [];
  const say = (type: string, data: object) => {
    const n = events.length;
    const timestamp = new Date(Date.UTC(2026, 10, 20, 10) + n * 1_000).toISOString();
    events.push({ tenant_id, id: `${tenant_id}-${n}`, type, data, timestamp });
  };
  return {
    tenant: tenant_id,
    key: `k-${tenant_id}`,
    has: (product_id: string, name: string) =>
      say("product.created", { product_id, name, price: 10, currency: "UAH" }),
    loses: (product_id: string) => say("product.deleted", { product_id }),
    did: (kind: string, user_id: string, product_id: string) =>
      say(`interaction.${kind}`, { user_id, product_id }),
    say,
    happens: () => on.project(events),
  };
}

const idsOf = ({ body }: { body: { recommendations?: Record<string, unknown>[] } }) =>
  body.recommendations?.map(({ product_id }) => product_id);

test("recommends what is near to what a user has looked at, and what was bought beside what they bought", async () => {
  const { has, did, happens, key } = shop();
  has("tent", "Red camping tent");
  has("big-tent", "Large camping tent");
  has("mat", "Camping mat");
  has("pan", "Frying pan");
  has("fork", "Garden fork");
  for (const other of ["bob", "eve"]) {
    for (const one of ["tent", "pan"]) did("purchased", other, one);
  }
  did("purchased", "eve", "fork");
  did("purchased", "ann", "tent");
  await happens();

  const { status, body } = await on.getWithGraph("/recommendations/ann", key);
  expect(status).toBe(200);
  const because = Object.fromEntries(
    body.recommendations!.map((one) => [one["product_id"], one.because]),
  );
  expect(because["big-tent"]).toEqual(["taste"]);
  expect(because["mat"]).toEqual(["taste"]);
  expect(because["pan"]).toContain("bought_together");
  const ids = idsOf({ body })!;
  expect(ids.indexOf("pan")).toBeLessThan(ids.indexOf("fork"));
  expect(body.recommendations![0]).toMatchObject({ currency: "UAH", price_minor: 1_000 });
});

test("what one other buyer happened to buy comes behind what is near", async () => {
  const { has, did, happens, key } = shop();
  has("tent", "Camping tent");
  has("near", "Large camping tent");
  has("nearly", "Camping mat");
  has("far", "Umbrella");
  did("purchased", "ann", "tent");
  for (const one of ["tent", "far"]) did("purchased", "bob", one);
  await happens();

  const answer = await on.getWithGraph("/recommendations/ann", key);
  expect(idsOf(answer)).toEqual(["near", "nearly", "far"]);
});

test("leaves out what was bought, also in an order, what was deleted and what nobody has described", async () => {
  const { has, did, loses, say, happens, key } = shop();
  for (const one of ["a", "b", "c", "d", "e"]) has(one, `Camping tent ${one}`);
  did("viewed", "ann", "a");
  did("purchased", "ann", "b");
  for (const other of ["bob", "eve"]) {
    for (const one of ["b", "e", "stub"]) did("purchased", other, one);
  }
  say("product.stock.updated", { product_id: "stub", quantity: 3 });
  say("order.created", {
    order_id: "o1",
    customer_id: "ann",
    items: [{ product_id: "c", quantity: 1, price: 10 }],
    total: 10,
    currency: "UAH",
  });
  loses("e");
  await happens();

  expect(idsOf(await on.getWithGraph("/recommendations/ann", key))?.sort()).toEqual(["a", "d"]);
});

test("a user of whom nothing is known gets an empty list that says so", async () => {
  const { has, happens, key } = shop();
  has("a", "Camping tent");
  await happens();
  const { status, body } = await on.getWithGraph("/recommendations/nobody", key);
  expect([status, body]).toEqual([
    200,
    {
      user_id: "nobody",
      recommendations: [],
      reason: "nothing is known of this user yet",
    },
  ]);
});

test("shows nothing of another tenant", async () => {
  const [ours, theirs] = [shop(), shop()];
  for (const { has, did } of [ours, theirs]) {
    has("a", "Camping tent");
    has("b", "Camping mat");
    did("viewed", "ann", "a");
  }
  theirs.has("secret", "Camping tent, secret");
  for (const other of ["bob", "eve"]) {
    for (const one of ["a", "secret"]) theirs.did("purchased", other, one);
  }
  ours.did("purchased", "ann", "a");
  await ours.happens();
  await theirs.happens();

  expect(idsOf(await on.getWithGraph("/recommendations/ann", ours.key))).toEqual(["b"]);
  expect(idsOf(await on.getWithGraph("/recommendations/bob", ours.key))).toEqual([]);
  const { body } = await on.get("/search?q=secret", ours.key);
  expect(body.results?.map(({ product_id }) => product_id)).not.toContain("secret");
});

test("searches products, tickets and messages by their words", async () => {
  const { has, say, happens, key } = shop();
  has("tent", "Червоний намет");
  has("pan", "Сковорода");
  say("ticket.created", { ticket_id: "t1", title: "The tent leaks", owner_id: "ann" });
  const sent = { ticket_id: "t1", author_id: "ann", content: "Water comes in" };
  say("message.sent", { message_id: "m1", ...sent });
  await happens();

  const found = async (query: string) => (await on.get(`/search?${query}`, key)).body.results?.[0];
  expect(await found("q=червоні намети&limit=1")).toMatchObject({ product_id: "tent" });
  expect(await found("q=leaking tent&kind=ticket")).toMatchObject({ ticket_id: "t1" });
  expect(await found("q=water&kind=message")).toMatchObject({ message_id: "m1", ...sent });
  expect(await found("q=–!")).toBe(undefined);
});

test("gives at most as many as were asked for, the same first", async () => {
  const { has, did, happens, key } = shop();
  for (let n = 0; n < 15; n += 1) has(`p${n}`, `Camping tent ${n}`);
  did("viewed", "ann", "p0");
  await happens();

  const ten = idsOf(await on.getWithGraph("/recommendations/ann", key));
  expect(ten).toHaveLength(10);
  const three = idsOf(await on.getWithGraph("/recommendations/ann?limit=3", key));
  expect(three).toEqual(ten!.slice(0, 3));
  expect(idsOf(await on.getWithGraph("/recommendations/ann?limit=100", key))).toHaveLength(15);
});

test("products that are equally near come in the order of their ids, whenever they were made", async () => {
  const { has, did, happens, key } = shop();
  for (const one of ["d", "f", "a", "e", "c", "b"]) has(one, "Camping tent");
  did("viewed", "ann", "d");
  await happens();
  const inOrder = ["a", "b", "c", "d", "e", "f"];
  expect(idsOf(await on.getWithGraph("/recommendations/ann", key))).toEqual(inOrder);
  const { body } = await on.get("/search?q=tent", key);
  expect(body.results?.map(({ product_id }) => product_id)).toEqual(inOrder);
});

test.each([
  ["/recommendations/ann?limit=0", "limit: must be a whole number from 1 to 100"],
  ["/recommendations/ann?limit=101", "limit: must be a whole number from 1 to 100"],
  ["/recommendations/ann?limit=ten", "limit: must be a whole number from 1 to 100"],
  ["/recommendations/ann?limt=5", "limt: is no parameter here"],
  [`/recommendations/${"x".repeat(201)}`, "user_id: must be 1 to 200 characters"],
  ["/search", "q: is required"],
  ["/search?q=%20", "q: is required"],
  [`/search?q=${"x".repeat(501)}`, "q: may have 500 characters"],
  ["/search?q=x&kind=user", "kind: must be one of product, ticket, message"],
])("%s is refused with its reason", async (path, message) => {
  const { status, body } = await on.get(path, "k-t");
  expect([status, body.code]).toEqual([400, "malformed"]);
  expect(body.detail).toContain(message);
});

test.each([[undefined], ["wrong"]])("with the key %s it answers 401", async (key) => {
  for (const path of ["/recommendations/ann", "/search?q=x"]) {
    expect(await on.get(path, key)).toMatchObject({ status: 401, body: { code: "unauthorized" } });
  }
});

test("keys that cannot be checked now are no wrong keys", async () => {
  expect(await on.get("/search?q=x", "k-nobody-knows")).toMatchObject({
    status: 503,
    retryAfter: "5",
    body: { code: "keys_unavailable" },
  });
});

test.each(["cut", "silence"] as const)(
  "while Qdrant is away (%s) it answers 503 and when to come back",
  async (how) => {
    on.qdrant[how]();
    const paths = ["/recommendations/ann", "/search?q=x", "/health/ready"];
    for (const answer of await Promise.all(paths.map((path) => on.get(path, "k-t")))) {
      expect(answer).toMatchObject({
        status: 503,
        retryAfter: "5",
        body: { code: "vectors_unavailable" },
      });
    }
    on.qdrant.restore();
    expect((await on.get("/health/ready")).status).toBe(200);
  },
);

test.each(["cut", "silence"] as const)(
  "while Neo4j is away (%s) it answers from the vectors alone, and says so",
  async (how) => {
    const { has, did, happens, key } = shop();
    for (const one of ["a", "b", "c"]) has(one, `Camping tent ${one}`);
    did("viewed", "ann", "a");
    did("purchased", "ann", "b");
    await happens();
    on.neo4j[how]();

    const answer = await on.get("/recommendations/ann", key);
    expect(answer.status).toBe(200);
    expect(idsOf(answer)?.sort()).toEqual(["a", "c"]);
    expect(answer.body.notice).toBe(
      "the graph does not answer: these come from the user's taste alone",
    );
    on.neo4j.restore();
    expect(idsOf(await on.getWithGraph("/recommendations/ann", key))?.sort()).toEqual(["a", "c"]);
  },
);

test("nothing but a purchase weighs as much as what is taken for one", () => {
  const alike = Object.entries(weights).filter(([, weight]) => weight === PURCHASE_WEIGHT);
  expect(alike.map(([type]) => type)).toEqual(["interaction.purchased"]);
});
