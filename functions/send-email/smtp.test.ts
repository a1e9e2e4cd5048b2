import PostalMime, { type Email } from "postal-mime";
import type { SMTPServerOptions } from "smtp-server";
import { afterEach, expect, test } from "vitest";
import { type SmtpEnd, smtpEnd } from "../../infra/providers/smtp-end.ts";
import { freePorts } from "../../infra/service/ports.ts";
import {
  OutageError,
  PermanentError,
  RetryLaterError,
  UncertainError,
} from "../../lib/pipeline/errors.ts";
import { type Message, RecipientBusyError, type Transport } from "../../kit/sending/transport.ts";
import { mailEnd, transportContract } from "../../tests/contract/transport.ts";
import { type SmtpError, failureOf, smtp } from "./smtp.ts";

const NOW = Date.UTC(2026, 10, 21);
let end: SmtpEnd;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const message: Message<string> = {
  id: "8f4f0a2e-77b0-5d35-a2d7-3c1f3f0a9b1e",
  source: "notifier",
  tenant: "acme",
  kind: "order.confirmed",
  to: "olena@example.org",
  recipient: "cust 1",
  content: { subject: "Замовлення", text: "Дякуємо!", html: "<p>Дякуємо!</p>" },
};
const never = new AbortController().signal;

async function transportTo(
  { onMail = async () => {}, ...options }: SMTPServerOptions & Partial<Pick<End, "onMail">>,
  {
    login = "warren:local",
    query = "?ignoreTLS=true",
    unsubscribe,
  }: { login?: string; query?: string; unsubscribe?: string } = {},
): Promise<Transport<string>> {
  end = await smtpEnd({ port: 0, onMail, options });
  const made = smtp({
    url: `smtp://${login}@127.0.0.1:${end.port}${query}`,
    sender: { from: "Shop <shop@example.com>", unsubscribe },
    connections: 1,
    now: () => NOW,
  });
  closing.push(made.close, end.close);
  return made;
}
type End = Parameters<typeof smtpEnd>[0];

/** Keeps every mail whole. */
function keeping(mails: Email[]): Pick<End, "onMail"> {
  return { onMail: async (raw) => void mails.push(await PostalMime.parse(raw)) };
}

test("sends text and HTML under a Message-ID that the event's id makes, with a way to have no more", async () => {
  const mails: Email[] = [];
  const url = "https://shop.example/stop?t={tenant}&r={recipient}&k={kind}";
  const { send } = await transportTo(keeping(mails), { unsubscribe: url });
  await send(message, never);
  await send(message, never);

  const [mail, again] = mails;
  expect(mail).toMatchObject({
    messageId: expect.stringMatching(
      /^<8f4f0a2e-77b0-5d35-a2d7-3c1f3f0a9b1e\.[\w-]{12}@example\.com>$/,
    ),
    from: { name: "Shop", address: "shop@example.com" },
    to: [{ address: "olena@example.org" }],
    subject: "Замовлення",
    text: "Дякуємо!",
    html: "<p>Дякуємо!</p>",
  });
  const header = (name: string) => mail?.headers.find(({ key }) => key === name)?.value;
  expect(header("list-unsubscribe")).toBe(
    "<https://shop.example/stop?t=acme&r=cust%201&k=order.confirmed>",
  );
  expect(header("list-unsubscribe-post")).toBe("List-Unsubscribe=One-Click");
  expect(again?.messageId).toBe(mail?.messageId);
  await send({ ...message, source: "another" }, never);
  expect(mails[2]?.messageId).not.toBe(mail?.messageId);
});

test("no header can be slipped in by a subject, and no recipient by an address", async () => {
  const mails: Email[] = [];
  const { send } = await transportTo(keeping(mails));
  const subject = "Hello\r\nBcc: eve@example.org\r\n\r\nBuy!";
  await send({ ...message, content: { subject, text: "-" } }, never);
  expect(mails[0]?.headers.map(({ key }) => key)).not.toContain("bcc");
  expect(mails[0]?.headers.find(({ key }) => key === "list-unsubscribe")?.value).toBe(
    "<mailto:shop@example.com?subject=unsubscribe%20order.confirmed>",
  );

  for (const to of ["a@b.c,eve@example.org", "a@b.c\r\nRCPT TO:<e@x.y>", "<a@b.c>", "a", "a@b@c"]) {
    await expect(send({ ...message, to }, never)).rejects.toThrow(PermanentError);
  }
  expect(mails).toHaveLength(1);
});

const refusing = (responseCode: number) =>
  Object.assign(new Error("5.1.1 <olena@example.org> is not here"), { responseCode });

test.each<[string, Parameters<typeof transportTo>[0], new (...args: never[]) => Error, string]>([
  [
    "a recipient that does not exist",
    { onRcptTo: (_to, _session, callback) => callback(refusing(550)) },
    PermanentError,
    "SMTP: 550 5.1.1 to RCPT TO",
  ],
  [
    "a mailbox that is busy",
    { onRcptTo: (_to, _session, callback) => callback(refusing(450)) },
    RecipientBusyError,
    "SMTP: 450 5.1.1 to RCPT TO",
  ],
  [
    "a sender that is not let in",
    { onMailFrom: (_from, _session, callback) => callback(refusing(550)) },
    OutageError,
    "SMTP: 550 5.1.1 to MAIL FROM",
  ],
  [
    "a mail that is refused when it was read",
    { onMail: () => Promise.reject(refusing(554)) },
    PermanentError,
    "SMTP: 554 5.1.1 to DATA",
  ],
  [
    "a server that takes no more from us for now",
    { onMailFrom: (_from, _session, callback) => callback(refusing(451)) },
    RetryLaterError,
    "SMTP: 451 5.1.1 to MAIL FROM",
  ],
  [
    "a mail that cannot be taken now",
    { onMail: () => Promise.reject(refusing(451)) },
    RetryLaterError,
    "SMTP: 451 5.1.1 to DATA",
  ],
  [
    "a server that has too many connections",
    { onConnect: (_session, callback) => callback(refusing(421)) },
    RetryLaterError,
    "SMTP: 421 5.1.1 to CONN",
  ],
  [
    "a server that goes down while it is asked",
    { onRcptTo: (_to, _session, callback) => callback(refusing(421)) },
    RetryLaterError,
    "SMTP: 421 5.1.1",
  ],
  ["a server without STARTTLS", {}, OutageError, "SMTP: "],
])("%s", async (name, options, kind, text) => {
  const query = name.includes("STARTTLS") ? "" : "?ignoreTLS=true";
  const { send } = await transportTo(options, { query });
  const error = await send(message, never).catch((thrown: unknown) => thrown);
  expect((error as Error).constructor).toBe(kind);
  expect((error as Error).message).toContain(text);
  expect((error as Error).message).not.toContain("olena");
});

test("a wrong password is an outage, and so is a server that is not there", async () => {
  const wrong = await transportTo({}, { login: "warren:wrong" });
  await expect(wrong.send(message, never)).rejects.toThrow(
    new OutageError("SMTP: 535 to AUTH PLAIN"),
  );
  await expect(wrong.probe(never)).rejects.toThrow(OutageError);

  const [port] = await freePorts(1);
  const sender = { from: "shop@example.com", unsubscribe: undefined };
  const url = `smtp://127.0.0.1:${port}?ignoreTLS=true`;
  const nobody = smtp({ url, sender, connections: 1, now: () => NOW });
  closing.push(nobody.close);
  await expect(nobody.send(message, never)).rejects.toThrow(OutageError);
  await expect(nobody.probe(never)).rejects.toThrow(OutageError);
});

test("a connection that breaks is an outage before the mail is handed over, and uncertain after", async () => {
  const before = await transportTo({ onRcptTo: () => end.cut() });
  await expect(before.send(message, never)).rejects.toThrow(OutageError);

  const after = await transportTo({ onMail: async () => end.cut() });
  await expect(after.send(message, never)).rejects.toThrow(UncertainError);
});

test("an interruption is told apart in the same way", async () => {
  const stop = new AbortController();
  const before = await transportTo({ onRcptTo: () => stop.abort() });
  await expect(before.send(message, stop.signal)).rejects.toThrow(OutageError);
  await expect(before.send(message, stop.signal)).rejects.toThrow(OutageError);

  const later = new AbortController();
  const after = await transportTo({ onMail: async () => later.abort() });
  await expect(after.send(message, later.signal)).rejects.toThrow(UncertainError);
});

test("STARTTLS is taken where it is demanded", async () => {
  const mails: Email[] = [];
  const options = { ...keeping(mails), hideSTARTTLS: false, allowInsecureAuth: false };
  const trusting = await transportTo(options, { query: "?tls.rejectUnauthorized=false" });
  await trusting.send(message, never);
  expect(mails).toHaveLength(1);

  // The server's certificate is nobody's.
  const wary = await transportTo(options, { query: "" });
  await expect(wary.send(message, never)).rejects.toThrow(OutageError);
});

test.each<[string, SmtpError, boolean, Error]>([
  [
    "no answer in time",
    { code: "ETIMEDOUT", timeoutType: "SOCKET_TIMEOUT" },
    true,
    new UncertainError("SMTP: SOCKET_TIMEOUT"),
  ],
  [
    "no connection in time",
    { code: "ETIMEDOUT", timeoutType: "CONNECT_TIMEOUT" },
    false,
    new OutageError("SMTP: CONNECT_TIMEOUT"),
  ],
  [
    "no such host",
    { code: "EDNS", originalCode: "ENOTFOUND" },
    false,
    new OutageError("SMTP: ENOTFOUND"),
  ],
  [
    "a greeting of 421",
    { code: "ECONNECTION", command: "CONN", responseCode: 421, response: "421 too many" },
    false,
    new RetryLaterError("SMTP: 421 to CONN", NOW + 300_000),
  ],
  [
    "a greeting of 450",
    { code: "ECONNECTION", command: "CONN", responseCode: 450, response: "450 4.3.2 -" },
    false,
    new RetryLaterError("SMTP: 450 4.3.2 to CONN", NOW + 300_000),
  ],
  [
    "a 421 that answers for one recipient, and is not about him",
    { code: "EENVELOPE", command: "RCPT TO", responseCode: 421, response: "421 4.3.2 -" },
    false,
    new RetryLaterError("SMTP: 421 4.3.2 to RCPT TO", NOW + 300_000),
  ],
  [
    "a 421 at the login",
    { code: "EAUTH", command: "AUTH PLAIN", responseCode: 421, response: "421 4.7.0 -" },
    false,
    new RetryLaterError("SMTP: 421 4.7.0 to AUTH PLAIN", NOW + 300_000),
  ],
  [
    "a login that fails for now",
    { code: "EAUTH", command: "AUTH PLAIN", responseCode: 454, response: "454 4.7.0 -" },
    false,
    new OutageError("SMTP: 454 4.7.0 to AUTH PLAIN"),
  ],
  [
    "a 421 instead of an answer to a whole mail",
    { code: "EMESSAGE", command: "DATA", responseCode: 421, response: "421 4.3.2 -" },
    true,
    new RetryLaterError("SMTP: 421 4.3.2 to DATA", NOW + 300_000),
  ],
  [
    "an answer that refuses nothing, to nothing that was asked",
    { code: "EPROTOCOL", command: "CONN", responseCode: 250, response: "250 2.0.0 -" },
    true,
    new UncertainError("SMTP: 250 2.0.0 to CONN"),
  ],
  [
    "larger than the server says it takes",
    { code: "EMESSAGE", command: "MAIL FROM" },
    false,
    new PermanentError("SMTP: EMESSAGE"),
  ],
  [
    "larger than the server takes now",
    { code: "EENVELOPE", command: "MAIL FROM", responseCode: 552, response: "552 5.3.4 -" },
    false,
    new PermanentError("SMTP: 552 5.3.4 to MAIL FROM"),
  ],
])("%s", (_name, error, handedOver, expected) => {
  const failure = failureOf(error, { handedOver, now: NOW });
  expect(failure).toEqual(expected);
  expect(failure.constructor).toBe(expected.constructor);
});

transportContract("smtp", {
  to: () => "olena@example.org",
  secret: "olena",
  open: (port) =>
    smtp({
      url: `smtp://warren:local@127.0.0.1:${port}?ignoreTLS=true`,
      sender: { from: "Shop <shop@example.com>", unsubscribe: undefined },
      connections: 1,
      now: () => NOW,
    }),
  end: mailEnd,
});
