import { expect, test } from "vitest";
import { shopRecipients } from "./shop.ts";

test("names recipients by tenant, and those of all others under *", () => {
  const shop = shopRecipients.parse(
    '{"acme": [{"address": "stock@acme.example"}, {"chat_id": "-1001"}], "*": [{"user_id": "u1"}]}',
  );
  expect(shop("acme")).toEqual([{ address: "stock@acme.example" }, { chat_id: "-1001" }]);
  expect(shop("other")).toEqual([{ user_id: "u1" }]);
});

test("without a word about it nobody is told", () => {
  expect(shopRecipients.parse(undefined)("acme")).toEqual([]);
});

test.each(["", "acme", "[]", '{"acme": "a@b.c"}', '{"a b": []}', '{"acme": [{"mail": "a@b.c"}]}'])(
  "refuses %j, saying what would be right and quoting nothing of it",
  (text) => {
    const { error } = shopRecipients.safeParse(text);
    expect(error?.issues.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^must be JSON such as/),
    ]);
  },
);
