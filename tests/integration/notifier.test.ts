import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { contacts } from "../../functions/contacts/consumer.ts";
import { notifier } from "../../functions/notifier/consumer.ts";
import { rabbitOutbox } from "../../functions/notifier/outbox.ts";
import { shopRecipients } from "../../functions/notifier/shop.ts";
import { openDirectory } from "../../kit/people/open-directory.ts";
import type { Envelope, Received } from "../../lib/envelope/envelope.ts";
import { NotNowError, OutageError } from "../../lib/pipeline/errors.ts";
import { withChannel } from "../../lib/rabbit/connection.ts";
import { BrokerUnavailableError } from "../../lib/rabbit/errors.ts";
import { rabbitPublisher, type RabbitPublisher } from "../../lib/rabbit/publisher.ts";
import { bytesOf, eventOf, type NoticesVhost, noticesVhost } from "./notices.ts";
import { tcpProxy } from "./tcp-proxy.ts";

const never = new AbortController().signal;
const directory = openDirectory({ table: process.env["DIRECTORY_TABLE"]! });
const keeper = contacts(directory);
const shop = shopRecipients.parse('{"*": [{"address": "stock@shop.example"}]}');

let vhost: NoticesVhost;
let publisher: RabbitPublisher;
let consumer: ReturnType<typeof notifier>;
beforeAll(async () => {
  vhost = await noticesVhost({ retryDelays: [1_000], smsLimit: 1 });
  publisher = rabbitPublisher({ url: vhost.url, name: "test requests" });
  consumer = notifier({ directory, outbox: outboxOf(vhost.url, publisher), shop });
});
afterAll(async () => {
  await publisher.close();
  await directory.close();
  await vhost.remove();
});

function outboxOf(url: string, by: RabbitPublisher) {
  const at = { url, name: "test" };
  const requireExchange = async () => {
    await withChannel(at, (channel) => channel.checkExchange("events"));
  };
  return rabbitOutbox({ publisher: by, requireExchange, now: Date.now });
}

const newTenant = () => `t-${randomUUID()}`;
const received = (event: Envelope, by = consumer): Received =>
  by.parse(Buffer.from(JSON.stringify(event)));
const learn = async (...events: Envelope[]) => {
  const all = events.map((event) => received(event, keeper));
  expect(await keeper.apply(all, never)).toEqual([]);
};
const ordered = (tenant: string, order_id: string, customer_id: string) =>
  eventOf(tenant, "order.created", {
    order_id,
    customer_id,
    items: [{ product_id: "p", quantity: 1, price: 1 }],
    total: 1,
    currency: "UAH",
  });
const ticket = (tenant: string, watcher_ids: string[]) =>
  eventOf(tenant, "ticket.created", { ticket_id: "t1", title: "T", owner_id: "u1", watcher_ids });

test("events become requests in the queues of the channels' senders", async () => {
  const tenant = newTenant();
  await learn(ordered(tenant, "o1", "u1"), ticket(tenant, ["u2"]));
  const events = [
    eventOf(tenant, "order.confirmed", { order_id: "o1" }),
    eventOf(tenant, "ticket.status_changed", { ticket_id: "t1", new_status: "solved" }),
    eventOf(tenant, "product.stock.low", { product_id: "p1", quantity: 1 }),
    eventOf(tenant, "notification.sms", { phone: "+380441234567", message: "4711" }),
  ];

  expect(
    await consumer.apply(
      events.map((event) => received(event)),
      never,
    ),
  ).toEqual([]);

  expect((await vhost.requests()).map(({ text }) => text)).toEqual([
    "email order.confirmed u1",
    "email product.stock.low stock@shop.example",
    "email ticket.status_changed u1",
    "email ticket.status_changed u2",
    "push ticket.status_changed u1",
    "push ticket.status_changed u2",
    "sms notification +380441234567",
    "telegram order.confirmed u1",
  ]);
});

test("a second expansion has the same bytes, also after the directory has changed", async () => {
  const tenant = newTenant();
  await learn(ordered(tenant, "o1", "u1"), ticket(tenant, ["u2", "u3"]));
  const events = [
    eventOf(tenant, "order.confirmed", { order_id: "o1" }),
    eventOf(tenant, "message.sent", {
      message_id: "m1",
      ticket_id: "t1",
      author_id: "u1",
      content: "@u4 look",
    }),
  ].map((event) => received(event));

  await consumer.apply(events, never);
  const first = await vhost.requests();
  await consumer.apply(events.toReversed(), never);
  const second = await vhost.requests();
  await learn(
    eventOf(tenant, "customer.created", {
      customer_id: "u1",
      email: "new@example.com",
      locale: "uk",
    }),
    eventOf(tenant, "user.signup", { user_id: "u4" }),
    eventOf(
      tenant,
      "ticket.updated",
      { ticket_id: "t1", changes: { watcher_ids: ["u3"] } },
      { timestamp: "2026-11-20T11:00:00.000000Z" },
    ),
  );
  await consumer.apply(events, never);
  const third = await vhost.requests();

  expect(first.map(({ text }) => text)).toEqual([
    "email message.sent u2",
    "email message.sent u3",
    "email order.confirmed u1",
    "push message.sent u2",
    "push message.sent u3",
    "telegram order.confirmed u1",
  ]);
  expect(bytesOf(second)).toEqual(bytesOf(first));
  // Who is among the recipients may change, what they get may not.
  expect(third.map(({ text }) => text)).toEqual([
    "email message.sent u3",
    "email message.sent u4",
    "email order.confirmed u1",
    "push message.sent u3",
    "push message.sent u4",
    "telegram order.confirmed u1",
  ]);
  const before = new Map(first.map(({ id, bytes }) => [id, bytes]));
  const both = third.filter(({ id }) => before.has(id));
  expect(both).toHaveLength(4);
  for (const { id, bytes } of both) expect(bytes).toBe(before.get(id));
});

test("who is not known yet fails alone, and its neighbours' requests go out", async () => {
  const tenant = newTenant();
  await learn(ordered(tenant, "o1", "u1"));
  const [known, unknown] = ["o1", "o2"].map((order_id) =>
    received(eventOf(tenant, "order.refunded", { order_id, amount: 1, currency: "UAH" })),
  ) as [Received, Received];

  const failures = await consumer.apply([known, unknown], never);

  const error = new Error("the customer of order o2 is not known yet");
  expect(failures).toEqual([
    { received: unknown, error: expect.objectContaining({ message: error.message }) },
  ]);
  expect((await vhost.requests()).map(({ text }) => text)).toEqual(["email order.refunded u1"]);
  expect(unknown.event.tenant_id).toBe(tenant);
});

test("a full queue fails the events that have a request for it, and no others", async () => {
  const tenant = newTenant();
  const sms = (message: string) =>
    received(eventOf(tenant, "notification.sms", { phone: "+1", message }));
  const shipped = received(eventOf(tenant, "order.shipped", { order_id: "o", customer_id: "u1" }));
  const mail = received(
    eventOf(tenant, "notification.email", { template: "news", recipient: "a@example.com" }),
  );
  // A quorum queue takes a few more than it may before it refuses.
  const refused = async () => (await consumer.apply([sms("fill")], never)).length > 0;
  while (!(await refused()));

  const failures = await consumer.apply([shipped, mail], never);

  expect(failures).toEqual([{ received: shipped, error: expect.any(NotNowError) }]);
  const texts = (await vhost.requests()).map(({ text }) => text);
  expect(texts.filter((text) => !text.startsWith("sms"))).toEqual([
    "email news a@example.com",
    "email order.shipped u1",
    "push order.shipped u1",
  ]);
  expect(texts).not.toContain("sms order.shipped u1");

  // The queue has room again: the very same requests, once more.
  expect(await consumer.apply([shipped], never)).toEqual([]);
  expect((await vhost.requests()).map(({ text }) => text)).toEqual([
    "email order.shipped u1",
    "push order.shipped u1",
    "sms order.shipped u1",
  ]);
});

test("a broker that cannot be reached is an outage, which no event is to blame for", async () => {
  const { hostname, port } = new URL(vhost.url);
  const proxy = await tcpProxy({ host: hostname, port: Number(port) });
  const url = new URL(vhost.url);
  url.port = String(proxy.port);
  const cut = rabbitPublisher({ url: url.href, name: "test cut", timeoutMs: 500 });
  const behind = notifier({ directory, outbox: outboxOf(url.href, cut), shop });
  const mail = received(
    eventOf(newTenant(), "notification.email", { template: "news", recipient: "a@example.com" }),
  );
  try {
    await behind.probe(never);
    proxy.cut();

    // The first is lost on the way, the second never leaves.
    await expect(behind.apply([mail], never)).rejects.toThrow(OutageError);
    await expect(behind.apply([mail], never)).rejects.toThrow(OutageError);
    await expect(behind.probe(never)).rejects.toThrow(BrokerUnavailableError);
  } finally {
    await cut.close();
    await proxy.close();
  }
  await vhost.requests();
});

test("many watchers of many tickets each get their request on each channel", async () => {
  const tenant = newTenant();
  const watcher_ids = Array.from({ length: 20 }, (_, n) => `u${n}`);
  const events = Array.from({ length: 10 }, (_, n) =>
    received(
      eventOf(tenant, "ticket.status_changed", {
        ticket_id: `t${n}`,
        new_status: "solved",
        owner_id: "u0",
        watcher_ids,
      }),
    ),
  );

  expect(await consumer.apply(events, never)).toEqual([]);

  const requests = await vhost.requests();
  expect(requests).toHaveLength(400);
  expect(new Set(requests.map(({ id }) => id)).size).toBe(400);
});
