import { expect, test } from "vitest";
import { eventTypes } from "../../events/catalogue.ts";
import { catalogueOf } from "./command.ts";

const entries = catalogueOf([
  { queue: "events.graph", accepts: ["order.delivered", "order.paid"] },
  { queue: "send.email", accepts: ["email.requested", "order.delivered"] },
]);
const entryOf = (type: string) => entries.find((each) => each.type === type);

test("lists every type once, sorted", () => {
  expect(entries.map(({ type }) => type)).toEqual(eventTypes.toSorted());
});

test("says of an event its key, who consumes it and which names it goes by", () => {
  expect(entryOf("order.delivered")).toEqual({
    type: "order.delivered",
    version: "1.0",
    older: [],
    key: ["order_id"],
    consumers: ["events.graph", "send.email"],
    aliases: ["order.completed"],
    internal: false,
    meaning: "An order has reached its buyer.",
  });
  expect(entryOf("search.reindex")).toMatchObject({ key: ["entity", "id"], consumers: [] });
  expect(entryOf("message.sent")).toMatchObject({ key: ["ticket_id"], older: ["0.1"] });
  expect(entryOf("email.requested")).toMatchObject({ internal: true });
});
