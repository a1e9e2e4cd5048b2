import { expect, test } from "vitest";
import { compareMessages } from "./compare-messages.ts";
import { expectedMessages, type ToldEvent } from "./messages.ts";

let serial = 0;
function event(type: string, data: Record<string, unknown>): ToldEvent {
  return { id: `evt_${(serial += 1)}`, type, tenant_id: "acme", data };
}
const at = "2026-11-21T10:00:00.000Z";
const device = (name: string) => ({ endpoint: `https://push.example/${name}` });

const olena = { customer_id: "u1", email: "u1@example.com", phone: "+1" };
const history = [
  event("order.shipped", { order_id: "o1" }),
  event("customer.created", { ...olena, push_subscriptions: [device("a"), device("b")] }),
  event("order.created", { order_id: "o1", customer_id: "u1" }),
];
const mail = { channel: "email" as const, to: "u1@example.com", at };
const shippedMail = { ...mail, id: "<1>", subject: "Order o1 is on its way", text: "-" };
const sms = { channel: "sms" as const, to: "+1", text: "Your order o1 is on its way.", at };
const pushes = ["a", "b"].map((name) => ({
  channel: "push" as const,
  to: device(name).endpoint,
  id: name,
  at,
}));

test("expects what each channel has to bring, in whatever order the events came", () => {
  const expected = expectedMessages(history);
  expect(expected.map(({ channel, to, sure }) => [channel, to, sure])).toEqual([
    ["email", ["u1@example.com"], true],
    ["sms", ["+1"], true],
    ["push", ["https://push.example/a"], true],
    ["push", ["https://push.example/b"], true],
  ]);
  expect(compareMessages(expected, [...pushes, sms, shippedMail])).toEqual([]);
  expect(expectedMessages(history.toReversed()).length).toBe(4);
});

test("names what is missing, came twice, or came for no reason", () => {
  const expected = expectedMessages(history);
  const twice = [shippedMail, shippedMail];
  expect(compareMessages(expected, [...pushes, ...twice])).toEqual([
    "came 2 times: <1>",
    `missing: sms, order.shipped ${history[0]!.id} for acme/u1`,
    "unexpected: email to u1@example.com, Order o1 is on its way",
  ]);
  const other = { ...shippedMail, subject: "Order o10 is on its way" };
  expect(compareMessages(expected, [...pushes, sms, other])).toEqual([
    `missing: email, order.shipped ${history[0]!.id} for acme/u1`,
    "unexpected: email to u1@example.com, Order o10 is on its way",
  ]);
});

test("takes any of the addresses that somebody had, and nothing for granted where the order decides", () => {
  const moved = { customer_id: "u1", changes: { email: "new@example.com", phone: null } };
  const expected = expectedMessages([...history, event("customer.updated", moved)]);
  const newMail = { ...shippedMail, to: "new@example.com" };
  expect(compareMessages(expected, [...pushes, newMail])).toEqual([]);
  expect(compareMessages(expected, [...pushes, shippedMail, sms])).toEqual([]);
  expect(compareMessages(expected, [...pushes, shippedMail, newMail])).toEqual([
    "came 2 times: <1>",
    "unexpected: email to new@example.com, Order o1 is on its way",
  ]);
});

test("whoever opted out, or was never introduced, need not be written to", () => {
  const choice = event("recipient.unsubscribed", { channel: "email", user_id: "u1" });
  expect(compareMessages(expectedMessages([...history, choice]), [...pushes, sms])).toEqual([]);
  expect(expectedMessages(history.filter(({ type }) => type !== "customer.created"))).toEqual([]);
});

test("a ticket's message goes to its watchers and whom it names, not to its author", () => {
  const people = ["u1", "u2", "u3"].map((user_id) =>
    event("user.signup", { user_id, email: `${user_id}@example.com` }),
  );
  const ticket = { ticket_id: "t1", title: "T", owner_id: "u1", watcher_ids: ["u2"] };
  const said = { ticket_id: "t1", author_id: "u2", content: "c", mentioned_ids: ["u3"] };
  const expected = expectedMessages([
    ...people,
    event("ticket.created", ticket),
    event("message.sent", said),
  ]);
  expect(expected.map(({ because, to }) => `${because.split(" ")[0]}: ${to.join()}`)).toEqual([
    "user.signup: u1@example.com",
    "user.signup: u2@example.com",
    "user.signup: u3@example.com",
    "ticket.created: u1@example.com",
    "ticket.created: u2@example.com",
    "message.sent: u3@example.com",
  ]);
});

test("what a producer words itself is expected word for word", () => {
  const posted = [
    event("customer.created", { customer_id: "u1", push_subscriptions: [device("a")] }),
    event("notification.email", {
      template: "notification",
      recipient: "u9@example.com",
      data: { subject: "Today", message: "Only today, 3 left." },
    }),
    event("notification.sms", { phone: "+9", message: "Only today, 4 left." }),
    event("notification.push", { user_id: "u1", message: "Only today, 5 left." }),
  ];
  const expected = expectedMessages(posted);
  const came = [
    { ...mail, to: "u9@example.com", id: "<9>", subject: "Today", text: "Only today, 3 left." },
    { channel: "sms" as const, to: "+9", text: "Only today, 4 left.", at },
    { channel: "push" as const, to: device("a").endpoint, id: "a", at },
  ];
  expect(compareMessages(expected, came)).toEqual([]);
  expect(compareMessages(expected, [came[0]!, { ...came[1]!, text: "4" }, came[2]!])).toEqual([
    `missing: sms, notification.sms ${posted[2]!.id} of acme`,
    "unexpected: sms to +9, 4",
  ]);
});

test("who watches a ticket only at times, or is named in the text alone, may be told or not", () => {
  const people = ["u1", "u2", "u3", "u4"].map((user_id) =>
    event("user.signup", { user_id, email: `${user_id}@example.com` }),
  );
  const expected = expectedMessages([
    ...people,
    event("ticket.created", { ticket_id: "t1", owner_id: "u1", watcher_ids: ["u2"] }),
    event("ticket.updated", { ticket_id: "t1", changes: { watcher_ids: ["u2", "u3"] } }),
    event("message.sent", { ticket_id: "t1", author_id: "u1", content: "@u4 @nobody, see" }),
  ]);
  const about = expected.filter(({ because }) => because.startsWith("message.sent"));
  expect(about.map(({ to, sure }) => [...to, sure])).toEqual([
    ["u2@example.com", true],
    ["u3@example.com", false],
    ["u4@example.com", false],
  ]);
});
