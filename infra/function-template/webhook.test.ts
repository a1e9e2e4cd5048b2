import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { OutageError, PermanentError, RetryLaterError } from "../../lib/pipeline/errors.ts";
import { webhook } from "./webhook.ts";

const NEVER = new AbortController().signal;
const NOW = Date.UTC(2026, 10, 20);
const request = { key: "t:evt_1", body: { id: "evt_1" } };

const server = createServer();
afterEach(() => {
  server.removeAllListeners("request");
  server.closeAllConnections();
  server.close();
});

async function receiver(answer: RequestListener) {
  server.on("request", answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return webhook({ url: `http://127.0.0.1:${port}/hook`, now: () => NOW });
}

const answering = (status: number, headers = {}) =>
  receiver((_, response) => response.writeHead(status, headers).end("why"));

test("posts JSON under its key", async () => {
  const got: unknown[] = [];
  const sink = await receiver((incoming, response) => {
    got.push(incoming.method, incoming.headers["idempotency-key"]);
    incoming.on("data", (chunk: Buffer) => got.push(chunk.toString()));
    incoming.on("end", () => response.end());
  });
  await sink.post(request, NEVER);
  expect(got).toEqual(["POST", "t:evt_1", '{"id":"evt_1"}']);
});

test.each([
  [400, PermanentError],
  [422, PermanentError],
  [401, OutageError],
  [404, OutageError],
  [503, OutageError],
])("takes %i for a %o", async (status, kind) => {
  const sink = await answering(status);
  await expect(sink.post(request, NEVER)).rejects.toThrow(kind);
});

test("an answer that may be the event's fault or not is an error of no known kind", async () => {
  const sink = await answering(500);
  await expect(sink.post(request, NEVER)).rejects.toMatchObject({
    name: "Error",
    message: "the receiver answered 500",
  });
});

test.each([429, 503])("comes again when a %i says when", async (status) => {
  const sink = await answering(status, { "retry-after": "30" });
  const error = await sink.post(request, NEVER).catch((reason: unknown) => reason);
  expect(error).toEqual(new RetryLaterError(`the receiver answered ${status}`, NOW + 30_000));
});

test("a redirect is not followed: it would lose the body", async () => {
  const sink = await answering(302, { location: "/elsewhere" });
  await expect(sink.post(request, NEVER)).rejects.toThrow(OutageError);
});

test("a receiver that nobody can reach is down", async () => {
  const sink = await receiver((incoming) => incoming.destroy());
  await expect(sink.post(request, NEVER)).rejects.toThrow("cannot be reached: UND_ERR_SOCKET");
  await expect(sink.probe(NEVER)).rejects.toThrow(OutageError);
});

test("a request that is told to stop says so, and not that the receiver is down", async () => {
  const sink = await receiver(() => {});
  const stop = new AbortController();
  const posting = sink.post(request, stop.signal);
  stop.abort(new Error("told to stop"));
  await expect(posting).rejects.toThrow("told to stop");
});

test.each([200, 404, 405, 501])("a receiver that answers %i to a HEAD is up", async (status) => {
  await expect((await answering(status)).probe(NEVER)).resolves.toBeUndefined();
});

test.each([401, 503])("a receiver that answers %i to a HEAD is down", async (status) => {
  await expect((await answering(status)).probe(NEVER)).rejects.toThrow(OutageError);
});
