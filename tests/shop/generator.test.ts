import { expect, test } from "vitest";
import { checkEvent, eventTypes, internalTypes } from "../../events/catalogue.ts";
import { asPosted, shopEvents } from "./generator.ts";

const endsAt = Date.UTC(2026, 10, 21, 10);
const history = { tenants: ["a", "b", "c"], events: 3_000, seed: 7, endsAt };
const events = [...shopEvents(history)];

test("gives the same events for the same seed, and others for another", () => {
  expect([...shopEvents(history)]).toEqual(events);
  expect([...shopEvents({ ...history, seed: 8 })]).not.toEqual(events);
});

test("gives events of every type that producers send, each of them valid", () => {
  const issues = events.flatMap((event) => checkEvent(event, endsAt + 600_000).issues ?? []);
  expect(issues).toEqual([]);
  const sent = eventTypes.filter((type) => !internalTypes.has(type));
  // Who gets a message depends on when an opt-out arrives: no expectation can say.
  const expected = sent.filter((type) => !type.startsWith("recipient."));
  const given = new Set(events.map(({ type }) => type));
  expect(expected).toEqual(expect.arrayContaining([...given]));
  // An event of one's own (docs/write-a-function.md) is no part of the shop.
  expect(given.size).toBe(40);
});

test("writes only to those who have said before how they are reached", () => {
  const reachable = new Set<unknown>();
  const missing: unknown[] = [];
  for (const { tenant_id, type, data } of events) {
    const name = (id: unknown) => `${tenant_id} ${String(id)}`;
    if (type === "customer.created") reachable.add(name(data["customer_id"]));
    if (type === "user.signup") reachable.add(name(data["user_id"] ?? data["email"]));
    const written = [
      data["owner_id"],
      data["watcher_ids"],
      type === "notification.push" && data["user_id"],
    ];
    const people = written.flat().filter(Boolean);
    missing.push(...people.filter((id) => !reachable.has(name(id))));
  }
  expect(missing).toEqual([]);
  expect(reachable.size).toBeGreaterThan(50);
});

test("speaks an older version in places", () => {
  const versions = Map.groupBy(events, ({ type, metadata }) => `${type} ${metadata.version}`);
  expect([...versions.keys()].filter((name) => !name.endsWith(" 1.0"))).toEqual([
    "message.sent 0.1",
  ]);
});

test("goes forward in time", () => {
  const times = events.map(({ timestamp }) => Date.parse(timestamp));
  expect(times.toSorted((a, b) => a - b)).toEqual(times);
  expect(endsAt - times[0]!).toBeCloseTo(30 * 60_000, -4);
});

test("names the events of a tenant once, and those of all tenants alike", () => {
  const ids = (tenant: string) =>
    events.filter(({ tenant_id }) => tenant_id === tenant).map(({ id }) => id);
  expect(new Set(ids("a")).size).toBe(ids("a").length);
  expect(ids("a").slice(0, 3)).toEqual([
    "evt_1",
    expect.stringMatching(/^evt_[\da-f]{8}-[\da-f]{4}-7000-8000-0{12}$/),
    "evt_3",
  ]);
  expect(ids("a").length).toBeGreaterThan(ids("c").length);
  expect(ids("c")).toEqual(ids("a").slice(0, ids("c").length));
});

test("a few products have most of the views", () => {
  const views = events.filter(({ type }) => type === "interaction.viewed");
  const counts = Map.groupBy(views, ({ data }) => String(data["product_id"])).values();
  const sorted = [...counts].map(({ length }) => length).sort((a, b) => b - a);
  const top = sorted.slice(0, Math.ceil(sorted.length / 10)).reduce((a, b) => a + b);
  expect(top / views.length).toBeGreaterThan(0.3);
});

test("posts every event, a part of them twice, a part of them late", () => {
  const posted = [...asPosted(events, { duplicates: 0.1, disorder: 0.2, seed: 7 })];
  const distinct = new Set(posted);
  expect(distinct.size).toBe(3_000);
  expect((posted.length - 3_000) / 3_000).toBeCloseTo(0.1, 1);

  const turn = new Map(events.map((event, i) => [event, i]));
  const first = [...distinct].map((event) => turn.get(event)!);
  let newest = -1;
  const late = first.filter((i) => {
    newest = Math.max(newest, i);
    return i < newest;
  });
  expect(late.length / 3_000).toBeCloseTo(0.2, 1);
});

test("posts in order and once when nothing else is asked for", () => {
  expect([...asPosted(events, { duplicates: 0, disorder: 0, seed: 7 })]).toEqual(events);
});
