import fc from "fast-check";
import { expect, test } from "vitest";
import { addressKey, contactOf, isOptedOut, userKey } from "../../kit/people/contact.ts";
import { type Document, type Key, MAX_DOCUMENT_BYTES } from "../../kit/people/directory.ts";
import { orderKey, partiesOf, ticketKey } from "../../kit/people/parties.ts";
import type { Received } from "../../lib/envelope/envelope.ts";
import { PermanentError } from "../../lib/pipeline/errors.ts";
import { memoryDirectory } from "../../tests/contract/memory-directory.ts";
import { contacts } from "./consumer.ts";

const never = new AbortController().signal;
const tenant = "acme";

let count = 0;
const eventOf = (type: string, data: object, second = 0) => ({
  id: `evt_${(count += 1)}`,
  type,
  source: "shop",
  timestamp: `2026-11-20T10:00:${String(second).padStart(2, "0")}Z`,
  tenant_id: tenant,
  data,
});

const parsed = (events: readonly object[]) => {
  const consumer = contacts(memoryDirectory());
  return events.map((event) => consumer.parse(Buffer.from(JSON.stringify(event))));
};

/** The documents after these events, in groups of `size`. */
async function documentsAfter(events: readonly Received[], size = events.length) {
  const documents = new Map<string, Document>();
  const consumer = contacts(memoryDirectory(documents));
  for (let i = 0; i < events.length; i += size) {
    const failures = await consumer.apply(events.slice(i, i + size), never);
    if (failures.length > 0) throw failures[0]?.error;
  }
  return documents;
}

async function after(events: readonly object[]) {
  const directory = memoryDirectory(await documentsAfter(parsed(events)));
  return { read: (...keys: Key[]) => directory.read(keys, never) };
}

const subscription = { endpoint: "https://push.example/1", keys: { p256dh: "BA", auth: "Bg" } };

test("takes of a ticket's changes only what their contract names", async () => {
  const { read } = await after([
    eventOf("ticket.created", { ticket_id: "t1", title: "Wobbles", owner_id: "u1" }),
    eventOf(
      "ticket.updated",
      { ticket_id: "t1", changes: { watcher_ids: ["u2"], owner_id: 7 } },
      1,
    ),
  ]);

  const [document] = await read(ticketKey(tenant, "t1"));
  expect(partiesOf(document)).toMatchObject({ owner_id: "u1", watcher_ids: ["u2"] });
});

test("knows a customer by what customer.created and customer.updated say, and null clears", async () => {
  const { read } = await after([
    eventOf("customer.created", {
      customer_id: "u1",
      name: "Olena",
      email: "olena@example.com",
      phone: "+380441234567",
    }),
    eventOf(
      "customer.updated",
      {
        customer_id: "u1",
        changes: {
          phone: null,
          locale: "uk",
          telegram_chat_id: 42,
          push_subscriptions: [subscription],
        },
      },
      1,
    ),
  ]);

  const [document] = await read(userKey(tenant, "u1"));
  expect(contactOf(document)).toEqual({
    known: true,
    name: "Olena",
    email: "olena@example.com",
    phone: null,
    locale: "uk",
    telegram_chat_id: "42",
    push_subscriptions: [subscription],
  });
});

test("knows whoever signs up with an address alone by that address", async () => {
  const { read } = await after([eventOf("user.signup", { email: "olena@example.com" })]);

  const [document] = await read(userKey(tenant, "olena@example.com"));
  expect(contactOf(document)).toMatchObject({ known: true, email: "olena@example.com" });
});

test("a user of whom only a change is known was not introduced yet", async () => {
  const changed = { customer_id: "u1", changes: { email: "olena@example.com" } };
  const { read } = await after([eventOf("customer.updated", changed)]);

  const [changedOne, nobody] = await read(userKey(tenant, "u1"), userKey(tenant, "u2"));
  expect(contactOf(changedOne)).toMatchObject({ known: false, email: "olena@example.com" });
  expect(contactOf(nobody)).toMatchObject({ known: false, email: undefined });
});

test("knows an order's customer, and a ticket's owner and watchers", async () => {
  const item = { product_id: "p", quantity: 1, price: 1 };
  const order = { order_id: "o1", customer_id: "u1", items: [item], total: 1, currency: "UAH" };
  const { read } = await after([
    eventOf("order.created", order),
    eventOf("ticket.updated", { ticket_id: "t1", changes: { watcher_ids: ["u3"] } }, 1),
    eventOf("ticket.created", { ticket_id: "t1", title: "T", owner_id: "u1", watcher_ids: ["u2"] }),
  ]);

  const documents = await read(orderKey(tenant, "o1"), ticketKey(tenant, "t1"));
  expect(documents.map(partiesOf)).toEqual([
    { customer_id: "u1", owner_id: undefined, watcher_ids: undefined },
    { customer_id: undefined, owner_id: "u1", watcher_ids: ["u3"] },
  ]);
});

test("remembers what a user and what an address want to hear no more, and again", async () => {
  const { read } = await after([
    eventOf("recipient.unsubscribed", { channel: "email", user_id: "u1", kind: "order.shipped" }),
    eventOf("recipient.unsubscribed", { channel: "sms", address: "+380 44 123-45-67" }),
    eventOf("recipient.unsubscribed", { channel: "telegram", address: "42" }),
    eventOf("recipient.resubscribed", { channel: "telegram", address: "42" }, 1),
  ]);

  const [user, phone, chat] = await read(
    userKey(tenant, "u1"),
    addressKey(tenant, "sms", "+380441234567"),
    addressKey(tenant, "telegram", "42"),
  );
  const shipped = { channel: "email", kind: "order.shipped" } as const;
  expect(isOptedOut([user], shipped)).toBe(true);
  expect(isOptedOut([user], { ...shipped, kind: "welcome" })).toBe(false);
  expect(isOptedOut([phone], { channel: "sms", kind: "welcome" })).toBe(true);
  expect(isOptedOut([chat], { channel: "telegram", kind: "welcome" })).toBe(false);
});

test("tells tenants apart", async () => {
  const { read } = await after([eventOf("user.signup", { user_id: "u1" })]);

  expect(await read(userKey("other", "u1"))).toEqual([undefined]);
});

test("refuses for good what would make a document too large, alone", async () => {
  const directory = memoryDirectory();
  const consumer = contacts(directory);
  const filling = { note: { stamp: "2026", value: "x".repeat(MAX_DOCUMENT_BYTES - 100) } };
  await directory.merge([{ key: userKey(tenant, "u1"), fields: filling }], never);
  const [first, second] = ["u1", "u2"].map((user_id) =>
    consumer.parse(Buffer.from(JSON.stringify(eventOf("user.signup", { user_id, name: "N" })))),
  );

  expect(await consumer.apply([first!, second!], never)).toEqual([
    { received: first, error: expect.any(PermanentError) },
  ]);
});

test("any order, any repetition and any grouping of the same events give the same directory", async () => {
  const ids = fc.constantFrom("u1", "u2");
  const texts = fc.constantFrom("a@example.com", "b@example.com", null);
  const choices = fc.record({
    type: fc.constantFrom("recipient.unsubscribed", "recipient.resubscribed"),
    data: fc.oneof(
      fc.record({ channel: fc.constantFrom("email", "sms"), user_id: ids }),
      fc.record({
        channel: fc.constant("email"),
        address: fc.constantFrom("a@example.com", "A@Example.com"),
        kind: fc.constantFrom("order.shipped", "welcome"),
      }),
    ),
  });
  const persons = fc.oneof(
    fc.record({
      type: fc.constant("customer.updated"),
      data: fc.record({ customer_id: ids, changes: fc.record({ email: texts, name: texts }) }),
    }),
    fc.record({ type: fc.constant("user.signup"), data: fc.record({ user_id: ids }) }),
    fc.record({
      type: fc.constant("ticket.updated"),
      data: fc.record({
        ticket_id: fc.constantFrom("t1", "t2"),
        changes: fc.record({ watcher_ids: fc.array(ids, { maxLength: 2 }) }),
      }),
    }),
  );
  // Few moments for many events: most decisions are left to the ids.
  const events = fc.array(fc.tuple(fc.oneof(choices, persons), fc.integer({ min: 0, max: 3 })), {
    minLength: 2,
    maxLength: 12,
  });

  await fc.assert(
    fc.asyncProperty(events, fc.gen(), async (said, gen) => {
      const given = parsed(said.map(([{ type, data }, second]) => eventOf(type, data, second)));
      const twice = gen(() => fc.shuffledSubarray([...given, ...given], { minLength: 0 }));
      const shuffled = gen(() => fc.shuffledSubarray(given, { minLength: given.length }));
      const size = gen(() => fc.integer({ min: 1, max: 5 }));

      const plain = await documentsAfter(given);
      const other = await documentsAfter([...twice, ...shuffled], size);
      expect(other).toEqual(plain);
    }),
    // To shrink a counterexample of a dozen events takes longer than to read it.
    { numRuns: 50, endOnFailure: true },
  );
});
