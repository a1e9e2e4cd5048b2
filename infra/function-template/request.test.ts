import { expect, test } from "vitest";
import { contracts, parseEvent } from "../../events/catalogue.ts";
import { accepts, type Accepted } from "./accepts.ts";
import { requestOf } from "./request.ts";

const eventOf = (type: string) => {
  const { sample: data } = contracts.find((each) => each.type === type)!;
  const rest = { id: "evt_1", source: "test", timestamp: "2026-11-20T10:00:00Z", tenant_id: "t" };
  return parseEvent(Buffer.from(JSON.stringify({ ...rest, type, data }))).event as Accepted;
};

test.each(accepts)("posts %s as it is, under a key that no other event has", (type) => {
  const event = eventOf(type);
  expect(requestOf(event)).toEqual({ key: "t:test:evt_1", body: event });
});
