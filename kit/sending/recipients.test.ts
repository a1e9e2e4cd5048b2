import { expect, test } from "vitest";
import { memoryDirectory } from "../../tests/contract/memory-directory.ts";
import { addressKey, optOutField, userKey } from "../people/contact.ts";
import type { Key } from "../people/directory.ts";
import { addressed, type Request } from "./recipients.ts";

const never = new AbortController().signal;

async function setup(known: [Key, Record<string, unknown>][]) {
  const directory = memoryDirectory();
  for (const [key, values] of known) {
    const fields = Object.entries(values).map(([name, value]) => [name, { stamp: "1", value }]);
    await directory.merge([{ key, fields: Object.fromEntries(fields) }], never);
  }
  const { find } = addressed("email")({ directory });
  return (to: Record<string, string>) => {
    const data = { kind: "order.shipped", template: "order.shipped", data: {}, to };
    return find({ id: "a", tenant_id: "acme", data } as unknown as Request, never);
  };
}

const user = userKey("acme", "u1");
const contact = { known: true, email: "olena@example.org", locale: "uk" };

test("finds a user's address and language", async () => {
  const find = await setup([[user, contact]]);
  expect(await find({ user_id: "u1" })).toEqual({
    to: "olena@example.org",
    name: "u1",
    locale: "uk",
  });
});

test("takes an address as it is, of a language that nobody knows", async () => {
  const find = await setup([]);
  expect(await find({ address: "x@example.org" })).toEqual({
    to: "x@example.org",
    name: "x@example.org",
    locale: undefined,
  });
});

test("finds nobody of another tenant", async () => {
  const find = await setup([[userKey("globex", "u1"), contact]]);
  await expect(find({ user_id: "u1" })).rejects.toThrow("nothing is known of user u1 yet");
});

test("an id that is an address itself is not quoted", async () => {
  const find = await setup([]);
  const error = await find({ user_id: "olena@example.org" }).catch(String);
  expect(error).toBe("Error: nothing is known of user (an address) yet");
});

test("a user who has no address, or took it back, gets nothing", async () => {
  const without = await setup([[user, { known: true }]]);
  expect(await without({ user_id: "u1" })).toBe("no address");
  const cleared = await setup([[user, { email: null }]]);
  expect(await cleared({ user_id: "u1" })).toBe("no address");
});

test.each<[string, [Key, Record<string, unknown>]]>([
  ["the user wants no mail", [user, { ...contact, [optOutField("email")]: true }]],
  [
    "the user wants none of the kind",
    [user, { ...contact, [optOutField("email", "order.shipped")]: true }],
  ],
  [
    "whoever reads the address wants none",
    [addressKey("acme", "email", "Olena@example.org"), { [optOutField("email")]: true }],
  ],
])("%s", async (_name, known) => {
  const find = await setup([[user, contact], known]);
  expect(await find({ user_id: "u1" })).toBe("opted out");
});

test("what was said about another channel or kind does not count", async () => {
  const others = { [optOutField("sms")]: true, [optOutField("email", "welcome")]: true };
  const find = await setup([[user, { ...contact, ...others }]]);
  expect(await find({ user_id: "u1" })).toMatchObject({ to: "olena@example.org" });
});
