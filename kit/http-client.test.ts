import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import {
  OutageError,
  PermanentError,
  RetryLaterError,
  UncertainError,
} from "../lib/pipeline/errors.ts";
import { type Answer, exchange, failureOf } from "./http-client.ts";

const NOW = Date.UTC(2026, 10, 21);
const never = new AbortController().signal;
let server: Server | undefined;
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-token`;
}

const post = (url: string, signal = never) =>
  exchange({ method: "POST", url, headers: {}, body: "привіт" }, signal);
const thrown = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: Error) => error,
  );

test("hands over the whole body and returns the whole answer", async () => {
  const url = await serve((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () =>
      response.writeHead(201, { "x-a": "b" }).end(`${request.method} ${body}`),
    );
  });
  expect(await post(url)).toMatchObject({
    status: 201,
    headers: { "x-a": "b" },
    text: "POST привіт",
  });
});

test("never uses a connection twice: one that lay idle may be dead", async () => {
  const ports: unknown[] = [];
  const url = await serve((request, response) => {
    ports.push(request.socket.remotePort);
    response.end();
  });
  await post(url);
  await post(url);
  expect(new Set(ports).size).toBe(2);
});

test("what cannot be reached took nothing", async () => {
  const url = await serve(() => {});
  server?.close();
  const error = await thrown(post(url));
  expect(error).toBeInstanceOf(OutageError);
  expect(error?.message).toBe("cannot be reached: ECONNREFUSED");
  const unknown = await thrown(post("http://nobody.invalid/secret-token"));
  expect(unknown).toBeInstanceOf(OutageError);
  expect(unknown?.message).not.toContain("secret");
});

test("a connection that breaks after the request was handed over leaves it uncertain", async () => {
  const url = await serve((request) => request.socket.destroy());
  const error = await thrown(post(url));
  expect(error).toBeInstanceOf(UncertainError);
  expect(error?.message).toBe("no answer: ECONNRESET");
  // To ask again does no harm.
  const asked = thrown(exchange({ method: "GET", url, headers: {} }, never));
  expect(await asked).toBeInstanceOf(OutageError);
});

test("an answer that breaks off, or never ends, leaves it uncertain too", async () => {
  const url = await serve((_, response) => {
    response.writeHead(200, { "content-length": "10" }).write("12345");
    setImmediate(() => response.destroy());
  });
  expect(await thrown(post(url))).toBeInstanceOf(UncertainError);

  server?.close();
  const endless = await serve((_, response) => {
    response.writeHead(200);
    const more = () => response.write("x".repeat(100_000), more);
    more();
  });
  expect(await thrown(post(endless))).toBeInstanceOf(UncertainError);
});

test("a stop before the connection sent nothing, one afterwards may have", async () => {
  const stop = new AbortController();
  const url = await serve(() => stop.abort());
  expect(await thrown(post(url, stop.signal))).toBeInstanceOf(UncertainError);
  expect(await thrown(post(url, stop.signal))).toBeInstanceOf(OutageError);
});

const answer = (status: number, headers: Answer["headers"] = {}): Answer => ({
  status,
  headers,
  text: "",
});

test.each<[number, new (...args: never[]) => Error]>([
  [302, OutageError],
  [400, PermanentError],
  [401, OutageError],
  [403, PermanentError],
  [408, RetryLaterError],
  [413, PermanentError],
  [429, RetryLaterError],
  [500, UncertainError],
  [502, UncertainError],
  [503, UncertainError],
  [504, UncertainError],
])("%i is %o", (status, kind) => {
  expect(failureOf(answer(status), NOW, { outages: [401] })).toBeInstanceOf(kind);
});

test.each([
  ["7", NOW + 7_000],
  ["Sat, 21 Nov 2026 00:01:00 GMT", NOW + 60_000],
  ["Fri, 20 Nov 2026 00:00:00 GMT", NOW],
  ["soon", NOW + 30_000],
])("Retry-After: %s", (header, notBefore) => {
  const failure = failureOf(answer(429, { "retry-after": header }), NOW, { outages: [] });
  expect(failure).toMatchObject({ name: "RetryLaterError", notBefore });
});

test("a 503 that says for how long stops one message, and not the whole channel", () => {
  const failure = failureOf(answer(503, { "retry-after": "7" }), NOW, { outages: [] });
  expect(failure).toMatchObject({ name: "RetryLaterError", notBefore: NOW + 7_000 });
});

test("a 503 that the provider documents as not accepted is an outage", () => {
  expect(failureOf(answer(503), NOW, { outages: [503] })).toBeInstanceOf(OutageError);
});

test("2xx is no failure", () => {
  expect(failureOf(answer(202), NOW, { outages: [] })).toBeUndefined();
});
