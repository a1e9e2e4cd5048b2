/**
 * Sends mails from a prefilled queue to a mail server on this machine: the mail sender as the host runs it,
 * with each ledger, compared with nodemailer's bare pool, which gets the same rendered mails from memory.
 * Both use the same number of connections. The server needs 100 ms to accept a mail (like a remote server),
 * 20 ms (like a local one that writes to disk), or 0 ms (which measures this machine's processors).
 * Aim: at least 0.8 of the bare pool at 20 ms. DynamoDB Local is too slow for that aim: it handles the rows
 * of a request one by one.
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import { config } from "../functions/send-email/config.ts";
import { accepts, CONNECTIONS, email } from "../functions/send-email/consumer.ts";
import { mailOf } from "../functions/send-email/mail.ts";
import { smtp } from "../functions/send-email/smtp.ts";
import { readConfig } from "../lib/config.ts";
import { chunksOf } from "../lib/async/in-parallel.ts";
import { redisClient } from "../lib/ledger/redis-client.ts";
import { readTemplates } from "../kit/sending/templates.ts";
import { senderHandler } from "../kit/sending/sender-handler.ts";
import { consume, fill } from "./consume.ts";
import { measure, median, type Measured, printMachine, printTable } from "./report.ts";
import { localServices } from "./services.ts";
import { benchVhost } from "./vhost.ts";

const QUEUE = "send.bench";
/** Mails per round, by the server's delay in ms, so that rounds take about the same time. */
const MAILS = new Map([
  [100, 400],
  [20, 1_000],
  [0, 1_000],
]);
const BATCH = 100;
const ROUNDS = 3;
const FROM = "Shop <shop@example.com>";
const TEMPLATES = join(import.meta.dirname, "../functions/send-email/templates");
const DATA = { order_id: "order_1", tracking: { number: "59000123456789", carrier: "np" } };

const services = await localServices();
const vhost = await benchVhost(services.rabbitmq, [{ queue: QUEUE, accepts }]);
const { ledgerTable } = services.dynamodb;

type Server = { port: number; child: ChildProcess; mails: number };
type Variant = { name: string; run: (server: Server) => Promise<void> };

const variants: Variant[] = [
  { name: "bare nodemailer pool", run: bare },
  {
    name: "Warren, Redis",
    run: (server) => warren(server, { LEDGER: "redis", REDIS_URL: services.redis.url }),
  },
  {
    name: "Warren, DynamoDB Local",
    run: (server) => warren(server, { LEDGER: "dynamodb", LEDGER_TABLE: ledgerTable }),
  },
];

try {
  printMachine(["nodemailer", "liquidjs", "amqplib", "@aws-sdk/client-dynamodb", "ioredis"], {
    RabbitMQ: new URL(services.rabbitmq.url).host,
    DynamoDB: services.dynamodb.endpoint,
    Redis: new URL(services.redis.url).host,
  });
  for (const [answersAfter, mails] of MAILS) await compare(answersAfter, mails);
  console.log("The server accepted each mail exactly once.");
} finally {
  await vhost.remove();
  await forgetRows();
}

async function compare(answersAfter: number, mails: number): Promise<void> {
  for (const variant of variants) await round(variant, answersAfter, mails);
  const results = new Map<Variant, Measured[]>(variants.map((variant) => [variant, []]));
  for (let index = 0; index < ROUNDS; index += 1) {
    for (const variant of variants)
      results.get(variant)!.push(await round(variant, answersAfter, mails));
  }
  const middle = [...results].map(([{ name }, rounds]) => ({
    name,
    ...median(rounds, ({ seconds }) => seconds),
  }));
  const [first] = middle;
  printTable(
    [`${answersAfter} ms, median of ${ROUNDS}`, "mails/s", "of bare", "client CPU µs/mail"],
    middle.map(({ name, seconds, cpuSeconds }) => [
      name,
      (mails / seconds).toFixed(0),
      (first!.seconds / seconds).toFixed(2),
      ((cpuSeconds / mails) * 1e6).toFixed(0),
    ]),
  );
}

/** Fills the queue, sends the mails, and checks that the server accepted each once. */
async function round({ run }: Variant, answersAfter: number, mails: number): Promise<Measured> {
  await fill(vhost, { queue: QUEUE, messages: requests(mails) });
  const child = fork(join(import.meta.dirname, "smtp-end.ts"), [String(answersAfter)]);
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const measured = await measure(() => run({ port, child, mails }));
  child.send("count");
  const [{ count }] = (await once(child, "message")) as [{ count: number }];
  child.disconnect();
  if (count !== mails) throw new Error(`${mails} mails were sent, the server accepted ${count}`);
  return measured;
}

function requests(mails: number): object[] {
  const tenant_id = `bench-${randomUUID()}`;
  return Array.from({ length: mails }, (_, index) => ({
    id: randomUUID(),
    type: accepts[0],
    source: "bench",
    timestamp: new Date().toISOString(),
    tenant_id,
    data: {
      kind: "order.shipped",
      template: "order.shipped",
      to: { address: addressOf(index) },
      data: DATA,
    },
    metadata: { version: "1.0" },
  }));
}

/** Only the mail: no queue, no ledger, no directory. */
async function bare({ port, mails }: Server): Promise<void> {
  const templates = readTemplates(TEMPLATES, "en");
  const said = { tenant: "bench", template: "order.shipped", locale: undefined, data: DATA };
  const pool = createTransport({ url: urlOf(port), pool: true, maxConnections: CONNECTIONS });
  const sends = Array.from({ length: mails }, (_, index) => {
    const to = addressOf(index);
    const named = { id: randomUUID(), source: "bench", tenant: "bench" };
    const message = { ...named, kind: "order.shipped", to, recipient: to };
    const mail = mailOf(
      { ...message, content: templates.render(said) },
      { from: FROM, unsubscribe: undefined },
    );
    return pool.sendMail(mail);
  });
  await Promise.all(sends);
  pool.close();
}

/** The sender behind the host's poller. */
async function warren({ port, mails }: Server, ledger: Record<string, string>): Promise<void> {
  const settings = readConfig(config, {
    ...ledger,
    RABBITMQ_URL: vhost.url,
    RETRY_DELAYS: "5s",
    LOG_LEVEL: "error",
    DIRECTORY_TABLE: process.env["DIRECTORY_TABLE"] ?? "warren-directory",
    SMTP_URL: urlOf(port),
    MAIL_FROM: FROM,
    MAIL_RATE: "10000",
  });
  const sender = senderHandler(
    {
      ...email,
      transport: () =>
        smtp({
          url: settings.SMTP_URL,
          sender: { from: FROM, unsubscribe: undefined },
          connections: CONNECTIONS,
          now: Date.now,
        }),
      templates: TEMPLATES,
      perSecond: settings.MAIL_RATE,
      whenUncertain: "resend",
    },
    settings,
  );
  await consume(vhost, {
    queue: QUEUE,
    count: mails,
    batchSize: BATCH,
    windowMs: 1_000,
    consumer: sender,
  });
}

function urlOf(port: number): string {
  return `smtp://warren:local@127.0.0.1:${port}?ignoreTLS=true`;
}

function addressOf(index: number): string {
  return `reader-${index}@example.org`;
}

/** Otherwise they would stay in Redis for 30 days. */
async function forgetRows(): Promise<void> {
  const { run, close } = redisClient(services.redis.url);
  const names = await run((redis) => redis.keys(`ledger#${email.name}#bench-*`));
  for (const chunk of chunksOf(10_000, names)) await run((redis) => redis.unlink(chunk));
  close();
}
