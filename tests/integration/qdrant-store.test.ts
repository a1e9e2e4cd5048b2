import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { collectionsOf } from "../../functions/qdrant-projector/collections.ts";
import { revisionOf } from "../../functions/qdrant-projector/identity.ts";
import { batchesOf, type Point, qdrantStore } from "../../kit/qdrant/store.ts";
import { OutageError, PermanentError, RetryLaterError } from "../../lib/pipeline/errors.ts";
import { connect } from "../../kit/qdrant/connect.ts";
import { pointId } from "../../kit/qdrant/names.ts";
import { freePort } from "./free-port.ts";
import { NEVER, newCollections, server, words } from "./qdrant.ts";

const store = qdrantStore(server);
let collection: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  const made = await newCollections();
  collection = collectionsOf(made.place).product;
  remove = made.remove;
});
afterAll(() => remove());

let names = 0;
let id: string;
beforeEach(() => {
  id = pointId("t", `p${(names += 1)}`);
});

const vector = (x: number) => Array.from({ length: words.dimensions }, (_, i) => (i === 0 ? x : 1));
const point = (stamp: string, x = 0, of = id): Point & { payload: { stamp: string } } => ({
  id: of,
  payload: { revision: revisionOf(of, [stamp]), stamp },
  vector: vector(x),
});
const stampOf = async (of = id) => {
  const found = await store.read<{ stamp: string }>(collection, [of], {}, NEVER);
  return found.map(({ payload }) => payload.stamp);
};
const write = (points: Point[], ...expected: Point[]) =>
  store.write(
    collection,
    points,
    expected.map(({ payload }) => payload.revision),
    NEVER,
  );

test("a point that does not exist is made; one that is not as expected stays, without a word", async () => {
  const [first, second, third] = [point("1"), point("2"), point("3")];
  await write([first]);
  await write([second], first);
  expect(await stampOf()).toEqual(["2"]);

  await write([third], first);
  await write([third]);
  expect(await stampOf()).toEqual(["2"]);
});

test("the guard is each point's own, though a request has one for all", async () => {
  const other = pointId("t", `other of ${id}`);
  const mine = point("1");
  const theirs = point("1", 0, other);
  await write([mine, theirs]);
  await write([point("2", 0, other)], theirs);

  // `theirs` is expected no more: of the two only mine is written.
  await write([point("2"), point("3", 0, other)], mine, theirs);
  expect([await stampOf(), await stampOf(other)]).toEqual([["2"], ["2"]]);
});

test("of two points of one id in a request the server takes the last, whatever it is", async () => {
  await write([point("newer"), point("older")]);
  expect(await stampOf()).toEqual(["older"]);
});

test("numbers above 2^53 are equal to the server when they are not: no revision is a number", async () => {
  const client = connect(server);
  const numbered = (version: number | bigint) => ({ id, payload: { version }, vector: vector(0) });
  const newer = (version: number | bigint) => ({
    points: [numbered(version)],
    update_filter: { must: [{ key: "version", range: { lt: Number(version) } }] },
    wait: true,
  });
  const [even, odd] = [9_007_199_254_740_992n, 9_007_199_254_740_993n];
  await client.upsert(collection, { points: [numbered(even)], wait: true });
  await client.upsert(collection, newer(odd));
  const [stored] = await client.retrieve(collection, { ids: [id] });
  expect(Number(stored?.payload?.["version"])).toBe(Number(even));

  const ids = [`e${even}`, `e${odd}`].map((stamp) => revisionOf(id, [stamp]));
  expect(new Set(ids).size).toBe(2);
});

test("a refused point takes its whole request with it, and is to blame", async () => {
  const wrong = { ...point("1"), vector: [1] };
  const other = pointId("t", `other of ${id}`);
  await expect(write([point("1", 0, other), wrong])).rejects.toThrow(
    new PermanentError(
      "Qdrant answers 400: Wrong input: Vector dimension error: expected dim: 8, got 1",
    ),
  );
  expect(await stampOf(other)).toEqual([]);
});

test("what is not the event's fault is an outage: a wrong key, a missing collection, nobody there", async () => {
  const stranger = qdrantStore({ ...server, apiKey: "wrong" });
  const nobody = qdrantStore({ ...server, url: `http://127.0.0.1:${await freePort()}` });

  await expect(stranger.rehearse(collection, NEVER)).rejects.toThrow(OutageError);
  await expect(nobody.rehearse(collection, NEVER)).rejects.toThrow(
    new OutageError("Qdrant does not answer: ECONNREFUSED"),
  );
  await expect(store.rehearse("none", NEVER)).rejects.toThrow(OutageError);
  expect(await store.inspect("none", NEVER)).toBe(undefined);
});

test("a page begins where the one before ended", async () => {
  const ids = ["a", "b", "c"].map((name) => pointId("t", `${name} of ${id}`)).sort();
  await write(ids.map((one) => point("1", 0, one)));
  const wanted = { filter: { must: [{ has_id: ids }] }, limit: 2 };

  const first = await store.page(collection, { ...wanted, after: undefined }, NEVER);
  const second = await store.page(collection, { ...wanted, after: first.next }, NEVER);
  expect([...first.points, ...second.points].map((one) => one.id)).toEqual(ids);
  expect(second.next).toBe(undefined);
});

test("many filters are asked about at once", async () => {
  await write([point("1")]);
  const of = (one: string) => ({ must: [{ has_id: [one] }] });
  const nobody = pointId("t", `nobody of ${id}`);
  expect(await store.find(collection, [of(id), of(nobody)], 10, NEVER)).toEqual([[id], []]);
  expect(await store.count(collection, of(id), NEVER)).toBe(1);
});

test("a request has at most 1,000 points and 4 MB", () => {
  const sizes = (items: number[]) =>
    batchesOf(items, { size: (bytes) => bytes }).map((batch) => batch.length);

  expect(sizes(Array.from({ length: 2_500 }, () => 10))).toEqual([1_000, 1_000, 500]);
  expect(sizes([3_000_000, 1_000_000, 1, 5_000_000, 1])).toEqual([2, 1, 1, 1]);
  expect(sizes([])).toEqual([]);
});

/** A server that answers every request in one way. */
async function answering(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const http = createServer((request, response) => {
    request.resume().on("end", () => answer(request, response));
  }).listen(0, "127.0.0.1");
  await once(http, "listening");
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    store: qdrantStore({ url, apiKey: undefined, now: () => 1_000 }),
    close() {
      http.close();
      http.closeAllConnections();
    },
  };
}

const json = { "content-type": "application/json" };

test.each([
  [429, { "retry-after": "7" }, new RetryLaterError("Qdrant answers 429: ", 8_000)],
  [429, {}, new RetryLaterError("Qdrant answers 429: busy", 6_000)],
  [413, {}, new PermanentError("Qdrant answers 413: busy")],
  [500, {}, new OutageError("Qdrant answers 500: busy")],
  [503, {}, new OutageError("Qdrant answers 503: busy")],
  [409, {}, new Error("Qdrant answers 409: busy")],
])("an answer %i with %j is understood", async (code, headers, error) => {
  const at = await answering((_, response) => {
    // Behind the quote stands what nobody may log.
    response.writeHead(code, { ...json, ...headers }).end('{"status":{"error":"busy`secret`"}}');
  });
  const failed = await at.store.rehearse(collection, NEVER).catch((thrown: unknown) => thrown);
  at.close();
  expect(failed).toEqual(error);
  expect((failed as Error).constructor).toBe(error.constructor);
});

test.each(["acknowledged", "wait_timeout"])(
  "a write that is only %s is not done",
  async (status) => {
    const at = await answering((_, response) => {
      response.writeHead(200, json).end(JSON.stringify({ result: { operation_id: 1, status } }));
    });
    await expect(at.store.write(collection, [point("1")], [], NEVER)).rejects.toThrow(
      new OutageError(`Qdrant answers a write with ${status}`),
    );
    at.close();
  },
);

test("two writes are under way at a time", async () => {
  let most = 0;
  const waiting: ServerResponse[] = [];
  const answer = { result: { operation_id: 1, status: "completed" } };
  const at = await answering((_, response) => {
    waiting.push(response);
    most = Math.max(most, waiting.length);
    // Until a third might have come.
    setTimeout(() => waiting.shift()!.writeHead(200, json).end(JSON.stringify(answer)), 30);
  });
  const one = () => at.store.write(collection, [point("1")], [], NEVER);
  await Promise.all([one(), one(), one(), one(), one()]);
  at.close();
  expect(most).toBe(2);
});

test("an abort ends the wait for a server that is silent", async () => {
  const at = await answering(() => {});
  const abort = new AbortController();
  const writing = at.store.write(collection, [point("1")], [], abort.signal);
  abort.abort(new Error("out of time"));
  await expect(writing).rejects.toThrow("out of time");
  at.close();
});

test("a path before the API is kept, and a URL without a port means its scheme's", async () => {
  let path: string | undefined;
  const http = createServer((request, response) => {
    path = request.url;
    response.writeHead(200, json).end('{"result":{"aliases":[]}}');
  }).listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  await connect({ url: `http://127.0.0.1:${port}/qdrant/`, apiKey: "k" }).getAliases();
  http.close();
  http.closeAllConnections();

  expect(path).toBe("/qdrant/aliases");
});
