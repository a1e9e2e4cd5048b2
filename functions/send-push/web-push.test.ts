import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";
import webpush from "web-push";
import { freePorts } from "../../infra/service/ports.ts";
import { NotNowError, OutageError, PermanentError } from "../../lib/pipeline/errors.ts";
import type { Message } from "../../kit/sending/transport.ts";
import type { PushSubscription } from "../../kit/people/contact.ts";
import { transportContract } from "../../tests/contract/transport.ts";
import { GoneError, webPush } from "./web-push.ts";

const vapid = { subject: "mailto:shop@example.com", ...webpush.generateVAPIDKeys() };
const never = new AbortController().signal;
const keys = {
  p256dh: webpush.generateVAPIDKeys().publicKey,
  auth: Buffer.alloc(16, 1).toString("base64url"),
};

let server: Server | undefined;
let port: number;
let status: number;
beforeEach(async () => {
  [port] = (await freePorts(1)) as [number];
  status = 201;
});
afterEach(stop);

async function start(): Promise<void> {
  server = createServer((_, response) => void response.writeHead(status).end());
  await once(server.listen(port, "127.0.0.1"), "listening");
}

async function stop(): Promise<void> {
  if (server === undefined) return;
  await once(server.close(), "close");
  server = undefined;
}

const to = (endpoint: string): Message<PushSubscription> => ({
  id: "m1",
  source: "notifier",
  tenant: "acme",
  kind: "order.shipped",
  to: { endpoint, keys },
  recipient: "u1",
  content: { subject: "Your order", text: "It is on its way." },
});
const here = () => to(`http://127.0.0.1:${port}/push/1`);

/** `0.0.1` stands for `push.example`: then 127.0.0.1 is one of its subdomains. */
const pushTo = (...services: string[]) => webPush({ vapid, services, now: Date.now });

test("a host that nobody named and that never answered is the subscription's own matter", async () => {
  const { send, probe } = pushTo("0.0.1");
  await expect(send(here(), never)).rejects.toThrow(NotNowError);
  await probe(never);

  await start();
  await send(here(), never);
  await stop();
  await expect(send(here(), never)).rejects.toThrow(OutageError);
});

test("nothing is posted elsewhere, nor to another port", async () => {
  const { send } = pushTo("push.example");
  for (const url of [
    "https://evil.example/1",
    "https://push.example.evil/1",
    "https://notpush.example/1",
    "https://push.example:8443/1",
    "http://push.example/1",
  ]) {
    await expect(send(to(url), never)).rejects.toThrow(PermanentError);
  }
});

test.each([
  [404, GoneError],
  [410, GoneError],
  [413, PermanentError],
  [503, OutageError],
])("an answer of %s", async (code, kind) => {
  status = code;
  await start();
  await expect(pushTo("127.0.0.1").send(here(), never)).rejects.toThrow(kind);
});

transportContract("webPush", {
  to: (port) => ({ endpoint: `http://127.0.0.1:${port}/push/s3cret`, keys }),
  secret: "s3cret",
  open: () => pushTo("127.0.0.1"),
});
