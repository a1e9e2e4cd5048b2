import { expect, test } from "vitest";
import { contracts, parseEvent } from "../../events/catalogue.ts";
import type { Envelope } from "../../lib/envelope/envelope.ts";
import { PermanentError } from "../../lib/pipeline/errors.ts";
import type { Notice } from "./expansion.ts";
import { requestOf } from "./request.ts";

const event: Envelope = {
  id: "evt_1",
  type: "order.shipped",
  source: "shop",
  timestamp: "2026-11-20T10:00:00.500000Z",
  tenant_id: "acme",
  data: {},
  metadata: { version: "1.0", user_id: "u7", traceparent: "00-1-2-01" },
};
const notice: Notice = {
  channel: "sms",
  kind: "order.shipped",
  to: { user_id: "u1" },
  template: "order.shipped",
  data: { order_id: "o1" },
};
const idOf = (of: Partial<Envelope>, changes: Partial<Notice> = {}) =>
  requestOf({ ...event, ...of }, { ...notice, ...changes }).messageId;

// The id is for good: another one would be sent again after a deployment.
test("a request is an event that its sender can read", () => {
  const message = requestOf(event, notice);

  expect(message).toMatchObject({
    exchange: "events",
    routingKey: "sms.requested",
    messageId: "e3ec87a7-3e39-5e69-9d71-888551cc929f",
    type: "sms.requested",
    timestamp: 1_795_168_800,
  });
  expect(parseEvent(message.body).event).toEqual({
    id: message.messageId,
    type: "sms.requested",
    source: "notifier",
    timestamp: event.timestamp,
    tenant_id: "acme",
    correlation_id: "evt_1",
    data: {
      kind: "order.shipped",
      to: { user_id: "u1" },
      template: "order.shipped",
      data: { order_id: "o1" },
    },
    metadata: {
      version: "1.0",
      causation_id: "evt_1",
      causation_source: "shop",
      traceparent: "00-1-2-01",
    },
  });
});

test("keeps the correlation that the event came with", () => {
  const { body } = requestOf({ ...event, correlation_id: "cart_7" }, notice);
  expect(parseEvent(body).event.correlation_id).toBe("cart_7");
});

test("made twice it has the same bytes", () => {
  expect(requestOf(event, notice)).toEqual(requestOf(structuredClone(event), { ...notice }));
});

test("every tenant, source, event, channel, kind and recipient has an id of its own", () => {
  const ids = [
    idOf({}),
    idOf({ tenant_id: "other" }),
    idOf({ source: "other" }),
    idOf({ id: "evt_2" }),
    idOf({}, { channel: "push" }),
    idOf({}, { kind: "other" }),
    idOf({}, { to: { user_id: "u2" } }),
    idOf({}, { to: { phone: "u1" } }),
  ];
  expect(new Set(ids).size).toBe(ids.length);
});

test.each<[string, Partial<Notice>]>([
  ["a mail to a phone", { channel: "email", to: { phone: "+1" } }],
  ["a push message to a chat", { channel: "push", to: { chat_id: "1" } }],
  ["a template outside of its folder", { template: "../../etc" }],
  ["more than an event may have", { data: { list: Array(5).fill("x".repeat(60_000)) } }],
])("%s is refused for good", (_, changes) => {
  expect(() => requestOf(event, { ...notice, ...changes })).toThrow(PermanentError);
});

test("the contracts of requests are internal, and no others are", () => {
  const internal = contracts.filter((each) => "internal" in each).map(({ type }) => type);
  expect(internal).toEqual(["email", "sms", "push", "telegram"].map((on) => `${on}.requested`));
});
