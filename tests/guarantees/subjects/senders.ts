import { createECDH, randomBytes } from "node:crypto";
import { once } from "node:events";
import { serve, type ServerType } from "@hono/node-server";
import { Hono } from "hono";
import type { AddressInfo } from "node:net";
import type { SMTPServerOptions } from "smtp-server";
import { toDevice } from "../../../functions/send-push/devices.ts";
import { httpEnds } from "../../../infra/providers/http-ends.ts";
import { type Book, receivedBook } from "../../../infra/providers/received.ts";
import { smtpEnd } from "../../../infra/providers/smtp-end.ts";
import { type Channel, userKey } from "../../../kit/people/contact.ts";
import { openDirectory } from "../../../kit/people/open-directory.ts";
import type { Request } from "../../../kit/sending/recipients.ts";
import { environment } from "../../integration/lane.ts";
import { tcpProxy } from "../../integration/tcp-proxy.ts";
import { idOf, type Produced, produced, sinkWire, type Stage, type Subject } from "../subject.ts";

const MARKED =
  "each message is claimed alone and marked `sending` just before the send; a process that finds the mark without an end reports the send as uncertain";

export const sendEmail: Subject = {
  name: "send-email",
  sink: "a mail server",
  proof: `${MARKED}, and sends again under the same Message-ID`,
  vow: "once, or uncertain and sent again",
  open: openMail,
};

export const sendSms = overHttp("send-sms", "an SMS gateway", async (url) => ({
  environment: { SMS_URL: url, SMS_RATE: "1000" },
  // The phone number contains the id.
  to: (id) => ({ phone: id }),
}));

export const sendTelegram = overHttp("send-telegram", "Telegram's Bot API", async (url) => ({
  environment: { TELEGRAM_URL: url, TELEGRAM_RATE: "1000" },
  to: (id) => ({ chat_id: `@${id.replaceAll("-", "_").slice(-32)}` }),
}));

export const sendPush = overHttp("send-push", "a push service", openPush);

/** The name of a recipient whose server refuses. */
const REFUSED = "refused";

function requested(channel: Channel, tenant: string, id: string, to: object): Produced {
  const data = { kind: "order.shipped", template: "order.shipped", to, data: { order_id: id } };
  return produced(tenant, id, `${channel}.requested`, data);
}

async function openMail(): Promise<Stage> {
  const taken: string[] = [];
  const onRcptTo: SMTPServerOptions["onRcptTo"] = ({ address }, _session, callback) =>
    address.includes(REFUSED)
      ? callback(Object.assign(new Error("nobody of that name"), { responseCode: 550 }))
      : callback();
  const end = await smtpEnd({
    port: 0,
    onMail: async (_, recipients) => void taken.push(...recipients),
    options: { onRcptTo },
  });
  const proxy = await tcpProxy({ host: "127.0.0.1", port: end.port });
  const url = new URL(environment["SMTP_URL"]!);
  url.host = `127.0.0.1:${proxy.port}`;
  const mail = (tenant: string, id: string) =>
    requested("email", tenant, id, { address: `${id}@example.org` });

  return {
    environment: { SMTP_URL: url.href, MAIL_RATE: "1000" },
    wire: sinkWire(proxy, (request, tenant) => request.includes(tenant)),
    events: async (tenant, count) =>
      Array.from({ length: count }, (_, n) => mail(tenant, idOf(tenant, n))),
    effects: async () => counted(taken.map((address) => address.split("@")[0]!)),
    refused: async (tenant) => ({ event: mail(tenant, `${tenant}-${REFUSED}`), reason: "refused" }),
    version: async () => "smtp-server, over nodemailer",
    async close() {
      await proxy.close();
      await end.close();
    },
  };
}

type HttpChannel = {
  environment: Record<string, string>;
  to: (id: string) => object;
  /** What the directory must know before these are sent. */
  introduce?: (tenant: string, ids: readonly string[]) => Promise<void>;
  /** What happens to a request before it is sent. */
  descendant?: (event: Produced) => string | undefined;
  close?: () => Promise<void>;
};

function overHttp(
  name: `send-${Channel}`,
  sink: string,
  open: (url: string) => Promise<HttpChannel>,
): Subject {
  const channel = name.slice("send-".length) as Channel;
  return {
    name,
    sink,
    proof: `${MARKED}, and keeps it as a dead letter: the provider cannot tell a second message from the first`,
    vow: "once, or uncertain and kept",
    async open() {
      const book = receivedBook();
      const { server, port } = await httpEnd(book);
      const proxy = await tcpProxy({ host: "127.0.0.1", port });
      const made = await open(`http://127.0.0.1:${proxy.port}`);
      const descendants = new Map<string, string>();

      async function request(tenant: string, ids: readonly string[]): Promise<Produced[]> {
        await made.introduce?.(tenant, ids);
        const events = ids.map((id) => requested(channel, tenant, id, made.to(id)));
        for (const event of events) {
          const descendant = made.descendant?.(event);
          if (descendant !== undefined) descendants.set(descendant, event.id);
        }
        return events;
      }

      return {
        environment: made.environment,
        wire: sinkWire(proxy, (sent, tenant) => sent.startsWith("POST") && sent.includes(tenant)),
        events: (tenant, count) =>
          request(
            tenant,
            Array.from({ length: count }, (_, n) => idOf(tenant, n)),
          ),
        effects: async () => counted(book.all().map(({ to, text }) => eventIn(`${to} ${text}`))),
        async refused(tenant) {
          const [event] = await request(tenant, [`${tenant}-${REFUSED}`]);
          return { event: event!, reason: "refused" };
        },
        descendants,
        version: async () => "an HTTP end of the suite",
        async close() {
          await made.close?.();
          await proxy.close();
          server.close();
        },
      };
    },
  };
}

/** One browser per user. Every other request names the user, who is looked up; the rest name the browser. */
async function openPush(url: string): Promise<HttpChannel> {
  const directory = openDirectory({ table: environment["DIRECTORY_TABLE"]! });
  const browser = createECDH("prime256v1");
  const keys = {
    p256dh: browser.generateKeys("base64url"),
    auth: randomBytes(16).toString("base64url"),
  };
  const endpointOf = (id: string) => `${url}/push/${id}`;
  const isToUser = (id: string) => /[13579]$/.test(id);

  return {
    environment: { PUSH_RATE: "1000" },
    to: (id) => ({ user_id: id, ...(!isToUser(id) && { endpoint: endpointOf(id) }) }),
    async introduce(tenant, ids) {
      const known = { stamp: "1", value: true };
      const changes = ids.map((id) => {
        const subscriptions = { stamp: "1", value: [{ endpoint: endpointOf(id), keys }] };
        return { key: userKey(tenant, id), fields: { known, push_subscriptions: subscriptions } };
      });
      await directory.merge(changes, AbortSignal.timeout(10_000));
    },
    descendant: (event) =>
      isToUser(event.id)
        ? toDevice(event as unknown as Request, endpointOf(event.id)).id
        : undefined,
    close: () => directory.close(),
  };
}

/** The HTTP ends of the channels; they refuse the recipients that they are told to. */
async function httpEnd(book: Book): Promise<{ server: ServerType; port: number }> {
  const app = new Hono();
  app.use(async (c, next) => {
    const said = `${c.req.url} ${await c.req.raw.clone().text()}`;
    return c.req.method === "POST" && said.includes(REFUSED) ? c.json({ ok: false }, 400) : next();
  });
  app.route("/", httpEnds(book));
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

/** The id of the event behind a message. */
function eventIn(message: string): string {
  return /g-[0-9a-f-]{36}-\w+/.exec(message)?.[0] ?? "";
}

function counted(ids: readonly string[]): Map<string, number> {
  return new Map([...Map.groupBy(ids, (id) => id)].map(([id, all]) => [id, all.length]));
}
