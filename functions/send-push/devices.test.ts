import { expect, test } from "vitest";
import { memoryDirectory } from "../../tests/contract/memory-directory.ts";
import { optOutField, userKey } from "../../kit/people/contact.ts";
import type { Request } from "../../kit/sending/recipients.ts";
import type { Message } from "../../kit/sending/transport.ts";
import { devices, forgetting } from "./devices.ts";
import { GoneError } from "./web-push.ts";

const never = new AbortController().signal;
const device = (name: string) => ({
  endpoint: `https://push.example/${name}`,
  keys: { p256dh: "k", auth: "a" },
});
const [phone, laptop] = ["phone", "laptop"].map(device);

async function setup(values: Record<string, unknown>) {
  const directory = memoryDirectory();
  const fields = Object.entries(values).map(([name, value]) => [name, { stamp: "1", value }]);
  const key = userKey("acme", "u1");
  await directory.merge([{ key, fields: Object.fromEntries(fields) }], never);
  const published: Request[] = [];
  const publish = async (one: Request) => void published.push(one);
  const { find } = devices({ directory, publish });
  const ask = (to: Record<string, string>, source = "notifier") => {
    const data = { kind: "order.shipped", template: "order.shipped", data: { order_id: "o" }, to };
    const request = { id: "r1", source, tenant_id: "acme", type: "push.requested", data };
    return find(request as never, never);
  };
  return { directory, key, ask, published };
}

test("a request to a user becomes one to each device, the same ones however often it is expanded", async () => {
  const { ask, published } = await setup({ push_subscriptions: [phone, laptop, phone] });
  expect(await ask({ user_id: "u1" })).toBe("expanded");
  expect(published.map(({ data: { to } }) => to)).toEqual([
    { user_id: "u1", endpoint: phone!.endpoint },
    { user_id: "u1", endpoint: laptop!.endpoint },
  ]);
  const [first, second] = published.splice(0);
  expect(first!.id).not.toBe(second!.id);
  await ask({ user_id: "u1" });
  expect(published.splice(0)).toEqual([first, second]);
  await ask({ user_id: "u1" }, "another");
  expect(published.map(({ id }) => id)).not.toContain(first!.id);
});

test("a request to a device finds its keys; one that is gone gets nothing", async () => {
  const { ask } = await setup({ push_subscriptions: [phone], locale: "uk" });
  expect(await ask({ user_id: "u1", endpoint: phone!.endpoint })).toEqual({
    to: phone,
    name: "u1",
    locale: "uk",
  });
  expect(await ask({ user_id: "u1", endpoint: laptop!.endpoint })).toBe("gone");
});

test("whoever has no device or wants no push gets none; who is not known is asked for again", async () => {
  const none = await setup({ known: true });
  expect(await none.ask({ user_id: "u1" })).toBe("no address");
  const unwilling = await setup({ push_subscriptions: [phone], [optOutField("push")]: true });
  expect(await unwilling.ask({ user_id: "u1" })).toBe("opted out");
  expect(unwilling.published).toEqual([]);
  await expect(none.ask({ user_id: "u2" })).rejects.toThrow("nothing is known of user u2 yet");
});

test("a subscription that is gone is forgotten, unless the user has said something newer", async () => {
  const { directory, key } = await setup({ push_subscriptions: [phone, laptop] });
  const gone: string[] = [];
  const refusing = {
    send: () => Promise.reject(new GoneError("answered 410")),
    probe: async () => {},
    close: async () => {},
  };
  const { send } = forgetting(refusing, { directory, onGone: (kind) => gone.push(kind) });
  const message = { tenant: "acme", kind: "welcome", recipient: "u1", to: phone };
  await send(message as Message<NonNullable<typeof phone>>, never);

  const left = async () => (await directory.read([key], never))[0]?.["push_subscriptions"];
  expect(await left()).toEqual({ stamp: "1~", value: [laptop] });
  expect(gone).toEqual(["welcome"]);
  const newer = { push_subscriptions: { stamp: "2", value: [phone] } };
  await directory.merge([{ key, fields: newer }], never);
  expect(await left()).toEqual({ stamp: "2", value: [phone] });
});
