import { expect, test } from "vitest";
import { contracts, parserOf } from "../../events/catalogue.ts";
import { userKey } from "../../kit/people/contact.ts";
import { type Document, type Key, textOf } from "../../kit/people/directory.ts";
import { orderKey, ticketKey } from "../../kit/people/parties.ts";
import { accepts, type NotifiedEvent } from "./accepts.ts";
import { expand, keysFor } from "./expansion.ts";
import type { Known } from "./parties.ts";
import { recipientText } from "./recipient.ts";
import { rule } from "./rule.ts";
import { rules } from "./rules.ts";

const parse = parserOf(accepts);

function eventOf(type: string, data: object): NotifiedEvent {
  const event = {
    id: "evt_1",
    type,
    source: "shop",
    timestamp: "2026-11-20T10:00:00Z",
    tenant_id: "acme",
    data,
  };
  return parse(Buffer.from(JSON.stringify(event))).event;
}

function knowing(documents: [Key, Record<string, unknown>][], shop: Known["shop"] = []): Known {
  const all = new Map<string, Document>();
  for (const [key, values] of documents) {
    const fields = Object.entries(values).map(([name, value]) => [name, { stamp: "2026", value }]);
    all.set(textOf(key), Object.fromEntries(fields) as Document);
  }
  return { document: (key) => all.get(textOf(key)), shop };
}

const order = knowing([[orderKey("acme", "o1"), { customer_id: "u1" }]]);
const ticket = knowing([
  [ticketKey("acme", "t1"), { owner_id: "u1", watcher_ids: ["u2", "u1", "u3"] }],
  [userKey("acme", "u4"), { known: true }],
  [userKey("acme", "u5"), { email: "only@example.com" }],
]);

/** `order.shipped: sms user_id:u1`, one line for each request. */
function lines(event: NotifiedEvent, known: Known): string[] {
  const notices = expand(event, known);
  return notices.map(({ kind, channel, to }) => `${kind}: ${channel} ${recipientText(to)}`);
}

test.each<[string, object, Known, string[]]>([
  [
    "notification.email",
    { template: "newsletter", recipient: "olena@example.com" },
    order,
    ["newsletter: email address:olena@example.com"],
  ],
  [
    "notification.sms",
    { phone: "+380441234567", message: "4711" },
    order,
    ["notification: sms phone:+380441234567"],
  ],
  ["notification.push", { user_id: "u1", message: "m" }, order, ["notification: push user_id:u1"]],
  [
    "notification.telegram",
    { chat_id: -1001, message: "m" },
    order,
    ["notification: telegram chat_id:-1001"],
  ],
  [
    "order.confirmed",
    { order_id: "o1" },
    order,
    ["order.confirmed: email user_id:u1", "order.confirmed: telegram user_id:u1"],
  ],
  [
    "order.shipped",
    { order_id: "o2", customer_id: "u9" },
    order,
    [
      "order.shipped: email user_id:u9",
      "order.shipped: sms user_id:u9",
      "order.shipped: push user_id:u9",
    ],
  ],
  [
    "order.refunded",
    { order_id: "o1", amount: "10.00", currency: "UAH" },
    order,
    ["order.refunded: email user_id:u1"],
  ],
  [
    "payment.failed",
    { payment_id: "pay_1", order_id: "o1" },
    order,
    ["payment.failed: email user_id:u1", "payment.failed: push user_id:u1"],
  ],
  ["product.stock.low", { product_id: "p1", quantity: 2 }, order, []],
  [
    "product.stock.low",
    { product_id: "p1", quantity: 2 },
    knowing(
      [],
      [{ address: "stock@acme.example" }, { chat_id: "-1" }, { phone: "+1" }, { user_id: "u1" }],
    ),
    [
      "product.stock.low: email address:stock@acme.example",
      "product.stock.low: telegram chat_id:-1",
      "product.stock.low: sms phone:+1",
      "product.stock.low: email user_id:u1",
    ],
  ],
  [
    "ticket.created",
    { ticket_id: "t1", title: "T", owner_id: "u1", watcher_ids: ["u1", "u2"] },
    order,
    ["ticket.created: email user_id:u1", "ticket.created: email user_id:u2"],
  ],
  // It names everybody: what is known of the ticket is newer, or somebody else's.
  [
    "ticket.created",
    { ticket_id: "t1", title: "T", owner_id: "u9" },
    ticket,
    ["ticket.created: email user_id:u9"],
  ],
  [
    "ticket.status_changed",
    { ticket_id: "t1", new_status: "solved", watcher_ids: [] },
    ticket,
    ["ticket.status_changed: email user_id:u1", "ticket.status_changed: push user_id:u1"],
  ],
  [
    "ticket.status_changed",
    { ticket_id: "t1", new_status: "solved", owner_id: "u2" },
    ticket,
    ["u2", "u1", "u3"].flatMap((id) => [
      `ticket.status_changed: email user_id:${id}`,
      `ticket.status_changed: push user_id:${id}`,
    ]),
  ],
  [
    "message.sent",
    {
      message_id: "m1",
      ticket_id: "t1",
      author_id: "u2",
      content: "@u4 and @u5 and @nobody, see @u2",
      mentioned_ids: ["u3", "u7"],
    },
    ticket,
    ["u1", "u3", "u7", "u4"].flatMap((id) => [
      `message.sent: email user_id:${id}`,
      `message.sent: push user_id:${id}`,
    ]),
  ],
  ["user.signup", { user_id: "u1" }, order, ["welcome: email user_id:u1"]],
])("%s with %j becomes requests", (type, data, known, expected) => {
  expect(lines(eventOf(type, data), known)).toEqual(expected);
});

test("every type that is accepted has a rule or is sent as it comes, and nothing else does", () => {
  const ruled = rules.map(({ on }) => on);
  const direct = accepts.filter((type) => type.startsWith("notification."));
  expect(new Set([...ruled, ...direct])).toEqual(new Set(accepts));
});

test("no two rules of one event have one kind: their requests would share ids", () => {
  const names = rules.map(({ on, kind }) => `${on} ${kind}`);
  expect(new Set(names).size).toBe(names.length);
});

test.each([
  ["order.confirmed", { order_id: "o2" }, "the customer of order o2 is not known yet"],
  [
    "ticket.status_changed",
    { ticket_id: "t2", new_status: "s" },
    "the owner of ticket t2 is not known yet",
  ],
  [
    "ticket.status_changed",
    { ticket_id: "t2", new_status: "s", owner_id: "u1" },
    "the watchers of ticket t2 are not known yet",
  ],
  [
    "message.sent",
    { message_id: "m", ticket_id: "t2", author_id: "u1", content: "c" },
    "the watchers of ticket t2 are not known yet",
  ],
])("%s with %j says who is missing", (type, data, message) => {
  expect(() => expand(eventOf(type, data), ticket)).toThrow(message);
});

test("the watchers of a ticket of which only a change is known are not known yet", () => {
  const stub = knowing([[ticketKey("acme", "t1"), { watcher_ids: ["u2"] }]]);
  const message = { message_id: "m", ticket_id: "t1", author_id: "u1", content: "c" };

  expect(() => expand(eventOf("message.sent", message), stub)).toThrow("are not known yet");
});

test.each<[string, object, string[]]>([
  ["order.confirmed", { order_id: "o1" }, ["order#acme#o1"]],
  ["order.confirmed", { order_id: "o1", customer_id: "u1" }, []],
  ["ticket.created", { ticket_id: "t1", title: "T", owner_id: "u1" }, []],
  [
    "ticket.status_changed",
    { ticket_id: "t1", new_status: "s", owner_id: "u1", watcher_ids: [] },
    [],
  ],
  ["ticket.status_changed", { ticket_id: "t1", new_status: "s" }, ["ticket#acme#t1"]],
  [
    "message.sent",
    { message_id: "m", ticket_id: "t1", author_id: "u1", content: "@u2 @u3 @u2" },
    ["ticket#acme#t1", "user#acme#u2", "user#acme#u3"],
  ],
  ["user.signup", { user_id: "u1" }, []],
  ["notification.sms", { phone: "+1", message: "m" }, []],
])("%s with %j asks the directory for what it does not say", (type, data, expected) => {
  expect([...new Set(keysFor(eventOf(type, data)).map(textOf))]).toEqual(expected);
});

test("a template gets the fields that its rule names, and nothing else of the event", () => {
  const tracking = { number: "59000", carrier: "np" };
  const shipped = eventOf("order.shipped", { order_id: "o1", tracking, note: "internal" });

  expect(expand(shipped, order)[0]).toEqual({
    channel: "email",
    kind: "order.shipped",
    to: { user_id: "u1" },
    template: "order.shipped",
    data: { order_id: "o1", tracking },
  });
});

test("what is sent as it comes keeps its words", () => {
  const email = { template: "newsletter", recipient: "a@example.com", data: { topic: "t" } };
  const push = { user_id: "u1", message: "m", title: "t" };

  expect(expand(eventOf("notification.email", email), order)[0]).toMatchObject({
    template: "newsletter",
    data: { topic: "t" },
  });
  expect(expand(eventOf("notification.push", push), order)[0]).toMatchObject({
    template: "notification",
    data: { message: "m", title: "t" },
  });
});

test("a long text is cut, and never within a character", () => {
  const content = `${"x".repeat(4_999)}😀 and on`;
  const sent = eventOf("message.sent", {
    message_id: "m",
    ticket_id: "t1",
    author_id: "u9",
    content,
  });

  const [notice] = expand(sent, ticket);
  expect(notice?.data["content"]).toBe(`${"x".repeat(4_999)}\uFFFD…`);
});

test("every sample of an accepted type can be expanded", () => {
  const samples = contracts.filter(({ type }) => accepts.some((each) => each === type));
  expect(samples).toHaveLength(accepts.length);
  const known = knowing([
    [orderKey("acme", "order_xyz"), { customer_id: "cust_123" }],
    [ticketKey("acme", "ticket_9"), { owner_id: "user_1" }],
  ]);
  for (const { type, sample } of samples) {
    expect(() => expand(eventOf(type, sample), known)).not.toThrow();
  }
});

test("a rule that does not fit its event is a type error", () => {
  const terms = { kind: "k", channels: ["email"], with: [] } as const;
  const wrong = [
    // @ts-expect-error: nobody signs up with an order
    rule("user.signup", { ...terms, to: ["customer"] }),
    // @ts-expect-error: this event has no such field
    rule("order.confirmed", { ...terms, to: ["customer"], with: ["tracking"] }),
    // @ts-expect-error: no such event
    rule("order.eaten", { ...terms, to: ["customer"] }),
  ];
  expect(wrong).toHaveLength(3);
});
