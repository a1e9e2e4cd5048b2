import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, onTestFailed, test } from "vitest";
import webpush from "web-push";
import { smtpEnd, type SmtpEnd } from "../../infra/providers/smtp-end.ts";
import { freePorts } from "../../infra/service/ports.ts";
import { readConsumers } from "../../infra/rabbitmq/consumers.ts";
import { optOutField, userKey } from "../../kit/people/contact.ts";
import { openDirectory } from "../../kit/people/open-directory.ts";
import { startHost, type HostProcess } from "./host-process.ts";
import { environment } from "./lane.ts";
import { request, type SendersVhost, sendersVhost } from "./mail-requests.ts";
import { drain, until } from "./rabbit-vhost.ts";
import { LEDGER } from "./services.ts";

const never = new AbortController().signal;
const consumers = (await readConsumers()).filter(({ queue }) => queue.startsWith("send."));
const vapid = webpush.generateVAPIDKeys();

type Call = { path: string; body: string; headers: IncomingMessage["headers"] };

let vhost: SendersVhost;
let tenant: string;
let host: HostProcess | undefined;
let mail: SmtpEnd | undefined;
let http: Server;
let url: string;
let calls: Call[];
/** How the HTTP end answers; 201 unless a test says otherwise. */
let answer: (call: Call, response: ServerResponse) => void;
let mails: string[];
let mailPort: number;

beforeEach(async ({ skip }) => {
  skip(LEDGER === "none", "senders do not start without a ledger");
  tenant = `send-${randomUUID().slice(0, 8)}`;
  [calls, mails] = [[], []];
  answer = (_, response) => void response.writeHead(201).end("{}");
  http = createServer((incoming, response) => {
    void text(incoming).then((body): void => {
      const call = { path: incoming.url ?? "", body, headers: incoming.headers };
      if (incoming.method === "GET") return void response.end();
      calls.push(call);
      answer(call, response);
    });
  }).listen(0, "127.0.0.1");
  await once(http, "listening");
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  [mailPort] = (await freePorts(1)) as [number];
  vhost = await sendersVhost(consumers);
});
afterEach(async () => {
  if (host?.process.exitCode === null) {
    host.process.kill("SIGTERM");
    await host.exit;
  }
  host = undefined;
  await mail?.close();
  mail = undefined;
  http?.closeAllConnections();
  http?.close();
  await vhost?.remove();
});

async function startMail(): Promise<void> {
  mail = await smtpEnd({
    port: mailPort,
    onMail: async (_, recipients) => void mails.push(...recipients),
  });
}

function startSenders(names: string[], env: Record<string, string> = {}): HostProcess {
  const started = startHost(["--admin-port", "0", ...names], {
    ...environment,
    RABBITMQ_URL: vhost.url,
    SMTP_URL: `smtp://warren:local@127.0.0.1:${mailPort}?ignoreTLS=true`,
    SMS_URL: url,
    TELEGRAM_URL: url,
    PUSH_PUBLIC_KEY: vapid.publicKey,
    PUSH_PRIVATE_KEY: vapid.privateKey,
    ...env,
  });
  host = started;
  onTestFailed(() => {
    console.log(
      started
        .lines()
        .slice(-30)
        .map((line) => JSON.stringify(line))
        .join("\n"),
    );
  });
  return started;
}

async function introduce(id: string, values: Record<string, unknown>): Promise<void> {
  const directory = openDirectory({ table: environment["DIRECTORY_TABLE"]! });
  const fields = Object.entries(values).map(([name, value]) => [name, { stamp: "1", value }]);
  await directory.merge([{ key: userKey(tenant, id), fields: Object.fromEntries(fields) }], never);
  await directory.close();
}

async function letters(queue: string) {
  const dead = await drain(vhost.url, `dead.${queue}`);
  return dead.map(({ properties: { headers } }) => ({
    reason: headers?.["warren-reason"] as string,
    error: headers?.["warren-error"] as string,
  }));
}

const outcomes = () =>
  host!
    .lines()
    .map(({ outcome }) => outcome)
    .filter(Boolean);

test("a user is written to in his language, one who wants nothing is not, and of one who is unknown people hear", async () => {
  await startMail();
  await introduce("u1", {
    known: true,
    email: "u1@example.org",
    phone: "+380441234567",
    locale: "uk",
  });
  await introduce("u2", { known: true, email: "u2@example.org", [optOutField("email")]: true });
  startSenders(["send-email", "send-sms"]);
  await vhost.publish([
    request("email", { user_id: "u1" }, { tenant }),
    request("email", { user_id: "u2" }, { tenant }),
    request("email", { user_id: "nobody" }, { tenant }),
    request("sms", { user_id: "u1" }, { tenant }),
  ]);
  await until(
    "somebody is unknown for good",
    async () => (await vhost.depth("dead.send.email")) === 1,
    60_000,
  );
  await until("the SMS has come", () => calls.length === 1);

  expect(mails).toEqual(["u1@example.org"]);
  expect(Object.fromEntries(new URLSearchParams(calls[0]!.body))).toEqual({
    To: "+380441234567",
    From: "Warren",
    Body: "Ваше замовлення o-1 вже в дорозі.",
  });
  expect(calls[0]!.headers.authorization).toBe(`Basic ${btoa("warren:local")}`);
  expect(await letters("send.email")).toEqual([
    { reason: "out of attempts", error: "Error: nothing is known of user nobody yet" },
  ]);
  const said = host!.lines();
  expect(said.filter(({ why }) => why === "opted out")).toEqual([
    expect.objectContaining({ kind: "order.shipped", msg: "nothing sent" }),
  ]);
  expect(JSON.stringify(said)).not.toMatch(/@example|380441234567|в дорозі/);
  const metrics = await (await host!.fetch("/metrics")).text();
  expect(metrics).toMatch(
    /warren_sends_skipped_total\{function="send-email",why="opted out".*\} 1/,
  );
});

test("a dead mail server is waited for, and stops no other channel", async () => {
  startSenders(["send-email", "send-telegram"]);
  const requests = Array.from({ length: 20 }, (_, i) => [
    request("email", { address: `r${i}@example.org` }, { tenant }),
    request("telegram", { chat_id: String(i) }, { tenant }),
  ]).flat();
  await vhost.publish(requests);
  await until("all messages have come", () => calls.length === 20, 60_000);
  const isDown = async () =>
    /warren_sink_down\{function="send-email".*\} 1/.test(
      await (await host!.fetch("/metrics")).text(),
    );
  await until("mail is known to be down", isDown);
  expect(mails).toEqual([]);

  await startMail();
  await until("all mails have come", () => mails.length === 20, 60_000);
  expect(new Set(mails).size).toBe(20);
  expect(
    new Set(calls.map(({ body }) => (JSON.parse(body) as { chat_id: string }).chat_id)).size,
  ).toBe(20);
  // No attempt was spent on it.
  expect(outcomes()).toEqual([]);
  expect(await letters("send.email")).toEqual([]);
});

const [FLOODED, BLOCKED] = ["429", "403"];

test("who is told to come later does, and what is refused is kept with its status", async () => {
  let told = 0;
  answer = ({ body }, response) => {
    const { chat_id: chat } = JSON.parse(body) as { chat_id: string };
    if (chat === BLOCKED) return void response.writeHead(403).end('{"ok":false}');
    if (chat !== FLOODED || told > 0) return void response.end("{}");
    told = Date.now();
    response.writeHead(429).end('{"ok":false,"parameters":{"retry_after":2}}');
  };
  startSenders(["send-telegram"]);
  await vhost.publish(
    [FLOODED, BLOCKED].map((chat_id) => request("telegram", { chat_id }, { tenant })),
  );
  await until("it is sent again", () => calls.length === 3, 60_000);
  expect(Date.now() - told).toBeGreaterThanOrEqual(2_000);
  await until("one is dead", async () => (await vhost.depth("dead.send.telegram")) === 1);
  expect(await letters("send.telegram")).toEqual([
    { reason: "refused", error: "PermanentError: answered 403" },
  ]);
});

test("a chat that takes one message in a while gets ten, in their order, and none costs an attempt", async () => {
  const PACE = 400;
  const SLOW = "20";
  const taken: string[] = [];
  let refused = 0;
  let last = 0;
  answer = ({ body }, response) => {
    const { chat_id: chat, text: said } = JSON.parse(body) as { chat_id: string; text: string };
    if (chat !== SLOW) return void response.end("{}");
    const wait = last + PACE - Date.now();
    if (wait > 0) {
      refused += 1;
      const parameters = { retry_after: wait / 1_000 };
      return void response.writeHead(429).end(JSON.stringify({ ok: false, parameters }));
    }
    last = Date.now();
    taken.push(/o-\d/.exec(said)?.[0] ?? said);
    response.end("{}");
  };
  const wanted = Array.from({ length: 10 }, (_, i) => `o-${i}`);
  await vhost.publish(
    wanted.map((order_id) =>
      request("telegram", { chat_id: SLOW }, { tenant, data: { order_id } }),
    ),
  );
  startSenders(["send-telegram"]);
  await until(
    "all ten are sent, or dead",
    async () => taken.length + (await vhost.depth("dead.send.telegram")) >= 10,
    60_000,
  );

  expect(taken).toEqual(wanted);
  expect(await letters("send.telegram")).toEqual([]);
  expect(new Set(outcomes())).toEqual(new Set(["defer"]));
  // Those behind the first one that was refused wait without being tried.
  expect(refused).toBeLessThan(10);
});

test.each([
  ["dead-letter", 1],
  ["resend", 2],
])("an SMS that may have gone out is reported, and then: %s", async (policy, times) => {
  let broken = 0;
  answer = ({ body }, response) => {
    if (body.includes("o-unlucky") && broken++ === 0) return void response.destroy();
    response.writeHead(201).end("{}");
  };
  startSenders(["send-sms"], { SMS_WHEN_UNCERTAIN: policy });
  const to = { phone: "+380501112233" };
  await vhost.publish([
    request("sms", to, { tenant, data: { order_id: "o-unlucky" } }),
    request("sms", to, { tenant, data: { order_id: "o-2" } }),
  ]);
  await until("it is reported", () => outcomes().includes("uncertain"), 60_000);
  const unlucky = () => calls.filter(({ body }) => body.includes("o-unlucky"));
  await until(
    "it is settled",
    async () =>
      unlucky().length === times &&
      (policy === "resend" || (await vhost.depth("dead.send.sms")) === 1),
  );

  expect(unlucky()).toHaveLength(times);
  expect(await letters("send.sms")).toEqual(
    policy === "resend"
      ? []
      : [{ reason: "send uncertain", error: "UncertainError: no answer: ECONNRESET" }],
  );
});

test("a push goes to each device once, and a device that is gone is forgotten", async () => {
  const device = (name: string) => {
    const pair = webpush.generateVAPIDKeys();
    return {
      endpoint: `${url}/push/${name}`,
      keys: { p256dh: pair.publicKey, auth: Buffer.alloc(16, 1).toString("base64url") },
    };
  };
  await introduce("u1", {
    known: true,
    push_subscriptions: ["phone", "laptop", "old"].map(device),
  });
  answer = ({ path }, response) => void response.writeHead(path.endsWith("old") ? 410 : 201).end();
  startSenders(["send-push"]);
  const id = randomUUID();
  await vhost.publish([
    request("push", { user_id: "u1" }, { tenant, id }),
    request("push", { user_id: "u1" }, { tenant, id }),
  ]);
  await until("all devices were tried", () => calls.length === 3, 60_000);
  await vhost.publish([request("push", { user_id: "u1" }, { tenant })]);
  await until("the others were written to again", () => calls.length === 5, 60_000);

  expect(calls.map(({ path }) => path).sort()).toEqual([
    "/push/laptop",
    "/push/laptop",
    "/push/old",
    "/push/phone",
    "/push/phone",
  ]);
  expect(calls[0]!.headers).toMatchObject({
    "content-encoding": "aes128gcm",
    ttl: "86400",
    authorization: expect.stringMatching(/^vapid t=/),
    topic: expect.stringMatching(/^[\w-]{32}$/),
  });
  expect(await letters("send.push")).toEqual([]);
});

test("a sender does not start without a ledger", async () => {
  const started = startSenders(["send-sms"], { LEDGER: "none" });
  const isRefused = () =>
    started
      .lines()
      .some((line) => JSON.stringify(line).includes("without a ledger it would send twice"));
  await until("it says why", isRefused, 60_000);
  expect(calls).toEqual([]);
});
