import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OutageError, PermanentError, RetryLaterError } from "../../lib/pipeline/errors.ts";
import { embedderContract } from "../../tests/contract/embedder.ts";
import type { Embedder } from "./embedder.ts";
import { openAiEmbedder } from "./openai.ts";

const never = new AbortController().signal;
const NOW = 1_000_000;
const KEY = "sk-s3cret";

type Asked = { model: string; input: string[] };
let asked: Asked[];
let authorization: string | undefined;
let inFlight: number;
let most: number;
let answer: (body: Asked, response: ServerResponse) => unknown;
let url: string;

const server = createServer((request, response) => void serve(request, response));

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = (await json(request)) as Asked;
  authorization = request.headers.authorization;
  asked.push(body);
  most = Math.max(most, (inFlight += 1));
  answer(body, response);
  response.once("close", () => (inFlight -= 1));
}

beforeEach(async () => {
  asked = [];
  inFlight = 0;
  most = 0;
  answer = (body, response) =>
    response.end(JSON.stringify({ data: body.input.map((text, index) => vectorOf(text, index)) }));
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

const vectorOf = (text: string, index: number) => ({ index, embedding: [text.length, 1] });
const embedderAt = (at: string): Embedder =>
  openAiEmbedder({ url: at, apiKey: KEY, model: "small", dimensions: 2, now: () => NOW });
const failing = (status: number, headers: Record<string, string> = {}) => {
  answer = (_, response) => response.writeHead(status, headers).end('{"error":"text sk-s3cret"}');
  return embedderAt(url)
    .embed(["a"], never)
    .catch((error: unknown) => error as Error);
};

test("asks for the vectors of a model, with the key, and puts them in order", async () => {
  answer = ({ input }, response) => {
    const data = input.map((text, index) => vectorOf(text, index)).reverse();
    response.end(JSON.stringify({ data }));
  };
  expect(await embedderAt(`${url}/`).embed(["aa", "b", "aa"], never)).toEqual([
    [2, 1],
    [1, 1],
    [2, 1],
  ]);
  expect(asked).toEqual([{ model: "small", input: ["aa", "b"], encoding_format: "float" }]);
  expect(authorization).toBe(`Bearer ${KEY}`);
});

test("sends no text twice, and no empty one", async () => {
  const embedder = embedderAt(url);
  await embedder.embed(["aa"], never);
  expect(await embedder.embed(["", "aa", "b", " "], never)).toEqual([
    [0, 0],
    [2, 1],
    [1, 1],
    [0, 0],
  ]);
  expect(asked.map(({ input }) => input)).toEqual([["aa"], ["b"]]);
});

test("sends many texts in requests that servers take, two at a time", async () => {
  const texts = Array.from({ length: 1_000 }, (_, i) => `text ${i}`);
  expect(await embedderAt(url).embed(texts, never)).toHaveLength(1_000);
  expect(new Set(asked.map(({ input }) => input.length))).toEqual(new Set([256, 232]));
  expect(most).toBeLessThanOrEqual(2);

  asked = [];
  await embedderAt(url).embed(
    ["a", "b", "c"].map((x) => x.repeat(90_000)),
    never,
  );
  expect(asked.flatMap(({ input }) => input.map((text) => text.length))).toEqual([
    24_000, 24_000, 24_000,
  ]);
});

test.each([
  [429, { "retry-after": "7" }, NOW + 7_000],
  [429, { "retry-after": new Date(NOW + 60_000).toUTCString() }, NOW + 60_000],
  [429, {}, NOW + 5_000],
])("%i with %j is asked again later", async (status, headers, notBefore) => {
  const error = await failing(status, headers);
  expect(error).toBeInstanceOf(RetryLaterError);
  expect(error).toMatchObject({ notBefore });
});

test("429 for want of quota is nothing that a wait would mend", async () => {
  answer = (_, response) => response.writeHead(429).end('{"error":{"code":"insufficient_quota"}}');
  const embedding = embedderAt(url).embed(["a"], never);
  await expect(embedding).rejects.toThrow(OutageError);
  await expect(embedding).rejects.toThrow("the account's quota is used up");
});

test.each([400, 413, 422])("%i is about the texts", async (status) => {
  expect(await failing(status)).toBeInstanceOf(PermanentError);
});

/** As servers do that count tokens: what has more characters than this is refused. */
const takingAtMost = (characters: number) => {
  const usual = answer;
  answer = (body, response) =>
    body.input.join("").length > characters
      ? response.writeHead(400).end("{}")
      : usual(body, response);
};
const lengths = () => asked.map(({ input }) => input.map((text) => text.length));

test("texts that are too long together are sent by halves", async () => {
  takingAtMost(2_000);
  const texts = ["a", "b", "c", "d"].map((x, i) => x.repeat(900 + i));
  const vectors = await embedderAt(url).embed(texts, never);
  expect(vectors.map(([length]) => length)).toEqual([900, 901, 902, 903]);
  expect(lengths()).toEqual([
    [900, 901, 902, 903],
    [900, 901],
    [902, 903],
  ]);
});

test("of a text that is too long alone its beginning is embedded, however it came", async () => {
  takingAtMost(8_000);
  const long = "ї".repeat(24_000);
  expect(await embedderAt(url).embed([long], never)).toEqual([[6_000, 1]]);
  expect(lengths()).toEqual([[24_000], [12_000], [6_000]]);
  expect((await embedderAt(url).embed(["b", long], never))[1]).toEqual([6_000, 1]);
});

test("a text that is refused whatever its length is given up soon", async () => {
  takingAtMost(0);
  const texts = ["ї".repeat(24_000), ..."abcdefg".split("")];
  await expect(embedderAt(url).embed(texts, never)).rejects.toThrow(PermanentError);
  expect(asked).toHaveLength(12);
});

test("a text is not cut in the middle of a character", async () => {
  await embedderAt(url).embed([`a${"😀".repeat(12_000)}`], never);
  expect(asked[0]!.input[0]).toHaveLength(24_000);
  expect(asked[0]!.input[0]!.isWellFormed()).toBe(true);
});

embedderContract("openAiEmbedder", () => embedderAt(url));

test.each([401, 403, 404, 302, 500, 502, 503])("%i is no text's fault", async (status) => {
  expect(await failing(status, { location: "/elsewhere" })).toBeInstanceOf(OutageError);
});

test.each([
  ["garbled", "{"],
  ["of another kind", '{"data":[{"index":0}]}'],
  ["short of a text", '{"data":[]}'],
])("an answer that is %s is an outage", async (_, text) => {
  answer = (__, response) => response.end(text);
  await expect(embedderAt(url).embed(["a"], never)).rejects.toThrow(OutageError);
});

test("an answer cut off, and a server that is not there, are outages", async () => {
  answer = (_, response) => {
    response.writeHead(200, { "content-length": "1000" }).write('{"data"');
    response.destroy();
  };
  await expect(embedderAt(url).embed(["a"], never)).rejects.toThrow(OutageError);
  await expect(embedderAt("http://127.0.0.1:1/v1").embed(["a"], never)).rejects.toThrow(
    "the embedding server does not answer: cannot be reached: ECONNREFUSED",
  );
});

test("vectors of another length are named as the wrong setting", async () => {
  answer = (_, response) => response.end('{"data":[{"index":0,"embedding":[1,2,3]}]}');
  await expect(embedderAt(url).embed(["a"], never)).rejects.toThrow(
    "the model's vectors have 3 dimensions, EMBEDDING_DIMENSIONS says 2",
  );
});

test.each([
  ["an answer", () => undefined],
  ["the rest of one", (response: ServerResponse) => response.write('{"data"')],
])("an abort ends the wait for %s, with its own reason", async (_, begin) => {
  const stop = new AbortController();
  const reason = new Error("the batch has no time left");
  answer = (__, response) => {
    begin(response);
    setTimeout(() => stop.abort(reason), 20);
  };
  await expect(embedderAt(url).embed(["a"], stop.signal)).rejects.toBe(reason);
});

test("no error has the key or a text", async () => {
  for (const status of [400, 401, 429, 500]) {
    expect(String(await failing(status))).not.toContain("s3cret");
  }
});
